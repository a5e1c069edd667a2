"""UserNeighbours beside the scan it replaces: the same answers, and what the index saves.

Ten thousand items, taken with a popularity that falls as 1 / rank (Zipf), about eight by each user. Both
answer the same requests in the same run; the scan is the textbook's, over all users for each request.

    python -m benchmarks.user_neighbours
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from itertools import accumulate
from time import perf_counter
from typing import Any

from recsys_lab.recommend.user_neighbours import MIN_SIMILARITY, NEIGHBOURS, UserNeighbours

ITEMS = 10_000
AT = datetime(2026, 1, 1, tzinfo=timezone.utc)

Histories = dict[str, list[str]]


def rows(
    users: Sequence[int] = (1_000, 10_000, 100_000), *, requests: int = 200, seed: int = 0
) -> list[dict[str, Any]]:
    """One row for each number of users: median and p99 of `recommend` and of the scan in ms, and their ratio.

    The scan, being slow, answers at most 20 of the requests; its answers are checked against the index's.
    """
    return [_row(count, requests, seed) for count in users]


def _row(count: int, requests: int, seed: int) -> dict[str, Any]:
    histories = simulated_histories(count, seed)
    model = UserNeighbours()
    for user_id, items in histories.items():
        for item_id in items:
            model.observe(user_id, item_id, 1.0, AT)
    asked = random.Random(seed + 1).choices(list(histories), k=requests)
    held = {user_id: frozenset(items) for user_id, items in histories.items()}
    for user_id in asked[:20]:
        assert model.neighbours(user_id) == scan(held, user_id), f"the index and the scan differ for {user_id}"
    ours = _latencies(lambda user_id: model.recommend(user_id, 10, at=AT, exclude=held[user_id]), asked)
    theirs = _latencies(lambda user_id: scan(held, user_id), asked[:20])
    return {
        "users": count,
        "recommend_p50_ms": _quantile(ours, 0.5),
        "recommend_p99_ms": _quantile(ours, 0.99),
        "scan_p50_ms": _quantile(theirs, 0.5),
        "ratio_p50": _quantile(theirs, 0.5) / _quantile(ours, 0.5),
    }


def simulated_histories(users: int, seed: int) -> Histories:
    """Each user's distinct items: 1 to 15 draws, popular items more often."""
    generator = random.Random(seed)
    names = [f"item{number:05d}" for number in range(ITEMS)]
    weights = list(accumulate(1.0 / rank for rank in range(1, ITEMS + 1)))
    return {
        f"user{number:07d}": list(
            dict.fromkeys(generator.choices(names, cum_weights=weights, k=generator.randint(1, 15)))
        )
        for number in range(users)
    }


def scan(held: dict[str, frozenset[str]], user_id: str) -> list[tuple[str, float]]:
    """The neighbours by the textbook's way: compare with everybody."""
    mine = held[user_id]
    similar = []
    for other, theirs in held.items():
        if other != user_id:
            similarity = len(mine & theirs) / len(mine | theirs)
            if similarity > MIN_SIMILARITY:
                similar.append((other, similarity))
    return sorted(similar, key=lambda pair: (-pair[1], pair[0]))[:NEIGHBOURS]


def _latencies(answer: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    """Milliseconds for each request, in ascending order."""
    taken = []
    for user_id in asked:
        start = perf_counter()
        answer(user_id)
        taken.append((perf_counter() - start) * 1_000)
    return sorted(taken)


def _quantile(ascending: Sequence[float], share: float) -> float:
    return ascending[min(int(share * len(ascending)), len(ascending) - 1)]


if __name__ == "__main__":
    for row in rows():
        print({name: round(value, 3) for name, value in row.items()})
