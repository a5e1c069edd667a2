"""The textbook's contextual ranking, kept as the lesson that it is: a personal score that ignores the item.

The rule: 0.5; plus weight × exp(−age in hours / 24) × 0.1 for each recent interaction of the user; × 1.1 on a
mobile device; × 1.05 in the evening or at night; plus exploration, even in ±0.1; clamped to 0 to 1. Every
candidate of a request gets the same sum, so only the random term tells them apart, and for a lively user the
sum passes 1 and clamping makes all equal. Either way the order is chance, however personal the number looks.

`ranking.py` has the same constants, and multiplies by what ties the candidate to the interaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from recsys_lab.events import UserInteractionEvent, interaction_weight
from recsys_lab.recommend.ranking import (
    BASE,
    EXPLORATION,
    Factor,
    clamp,
    context_multipliers,
    effects,
    interaction_words,
    noise_of_items,
    recency_share,
)
from recsys_lab.recommend.user_neighbours import UserNeighbours

RECENT = 100
"""Interactions of each user that enter, the latest."""


def textbook_factors(
    recent: Sequence[UserInteractionEvent], *, context: Mapping[str, Any], at: datetime, noise: float = 0.0
) -> list[Factor]:
    """The (factor, effect) pairs of any item whatever; the effects add up to the score.

    recent: the user's interactions, newest last. noise: the exploration term, in ±0.1.
    """
    newest_first = recent[: -RECENT - 1 : -1]
    shares = [recency_share(interaction_weight(e.interaction_type), at - e.timestamp) for e in newest_first]
    names = ["base", *(interaction_words(event, at) for event in newest_first)]
    names += [name for name, _ in context_multipliers(context)]
    before = _path(shares, context)
    after = before[-1] + noise
    return list(effects([*names, "exploration", "clamped to 0…1"], [*before, after, clamp(after)]))


class TextbookRanking:
    """The candidates of `UserNeighbours` in the order of the textbook's score, as a `Recommender`.

    Popular items follow the candidates unranked, as they do there; the score of a candidate is at least 0.4,
    so they stay behind. There is no context in `recommend`, so none enters; it is the same for all items.
    exploration: half-width of the random term. seed: of that term.
    """

    def __init__(self, *, exploration: float = EXPLORATION, seed: int = 0) -> None:
        self._exploration = exploration
        self._seed = seed
        self._neighbours = UserNeighbours(fill_with_popular=True)
        self._recent: dict[str, deque[tuple[float, datetime]]] = {}  # user -> (weight, when), newest last
        self._counts: dict[str, int] = {}  # user -> interactions so far

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Learn as `UserNeighbours` does, and remember how much the user did and when, but not with what."""
        self._neighbours.observe(user_id, item_id, weight, at)
        self._recent.setdefault(user_id, deque(maxlen=RECENT)).append((weight, at))
        self._counts[user_id] = self._counts.get(user_id, 0) + 1

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, score) pairs, best first, ties by item id."""
        candidates = self._neighbours.candidates(user_id, exclude=exclude)
        recent = self._recent.get(user_id, ())
        same_for_all = _path((recency_share(weight, at - then) for weight, then in recent), {})[-1]
        noise = noise_of_items(self._seed, user_id, self._counts.get(user_id, 0))
        ranked = [
            (item_id, round(clamp(same_for_all + self._exploration * noise(item_id)), 9)) for item_id, _ in candidates
        ]
        ranked.sort(key=lambda pair: (-pair[1], pair[0]))
        others = self._neighbours.recommend(user_id, n, at=at, exclude=exclude)[len(ranked) :]
        return (ranked + others)[: max(n, 0)]

    def state(self) -> dict[str, Any]:
        """What the neighbours know, and each user's recent (weight, seconds since 1970) and count."""
        recent = {
            user_id: [[weight, then.timestamp()] for weight, then in interactions]
            for user_id, interactions in self._recent.items()
        }
        return {"neighbours": self._neighbours.state(), "recent": recent, "counts": dict(self._counts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._neighbours.restore(state["neighbours"])
        self._counts = dict(state["counts"])
        self._recent = {
            user_id: deque(((weight, _moment(seconds)) for weight, seconds in interactions), maxlen=RECENT)
            for user_id, interactions in state["recent"].items()
        }


def _path(shares: Iterable[float], context: Mapping[str, Any]) -> list[float]:
    """The running score from the base over the interactions to the context."""
    path = [BASE]
    for share in shares:
        path.append(path[-1] + share)
    for _, multiplier in context_multipliers(context):
        path.append(path[-1] * multiplier)
    return path


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
