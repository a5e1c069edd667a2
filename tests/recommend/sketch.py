"""The first sketch of an item-to-item recommender, as an oracle that shares no code with what it judges.

Each new item is paired with the user's 20 latest, with weight 0.9 per step back; a candidate scores the sum over
the latest items of weight × co-count / √(n_i n_j). It has no time, no visits, no popularity and no bounds.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection
from datetime import datetime

LATEST = 20
STEP = 0.9


class Sketch:
    """As much of a recommender as `prequential` needs."""

    def __init__(self) -> None:
        self.latest: dict[str, list[str]] = defaultdict(list)
        self.taken: Counter[str] = Counter()
        self.together: dict[str, dict[str, float]] = defaultdict(dict)

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        latest = self.latest[user_id]
        for step, other in enumerate(reversed(latest)):
            if other != item_id:
                count = self.together[item_id].get(other, 0.0) + STEP**step
                self.together[item_id][other] = self.together[other][item_id] = count
        self.taken[item_id] += 1
        self.latest[user_id] = [*(other for other in latest if other != item_id), item_id][-LATEST:]

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        scores: dict[str, float] = defaultdict(float)
        for step, item_id in enumerate(reversed(self.latest[user_id])):
            for other, count in self.together[item_id].items():
                scores[other] += STEP**step * count / math.sqrt(self.taken[item_id] * self.taken[other])
        allowed = [(item_id, score) for item_id, score in scores.items() if item_id not in exclude]
        return sorted(allowed, key=lambda pair: (-round(pair[1], 9), pair[0]))[:n]

    def state(self) -> dict[str, object]:
        raise NotImplementedError

    def restore(self, state: dict[str, object]) -> None:
        raise NotImplementedError
