"""Popularity: what many took, many will take. The baseline that every other recommender must beat.

An item's score is the weight of all interactions with it, or, with a half-life, of the recent ones: evidence
counts half as much after each half-life, so last Christmas no longer fills the list at Easter.

A request must not sort the catalogue. The best items stand in a short list, the head, that is kept in order
while learning: scores only ever grow, so an item enters the head by its own interaction or not at all. Only
who asks for more than the head holds pays for a full sort.

    >>> from datetime import datetime, timezone
    >>> noon, popularity = datetime(2026, 1, 1, 12, tzinfo=timezone.utc), Popularity()
    >>> for user_id, item_id in [("ann", "lamp"), ("bob", "lamp"), ("bob", "mug")]:
    ...     popularity.observe(user_id, item_id, 1.0, noon)
    >>> popularity.recommend("cat", 2, at=noon)
    [('lamp', 2.0), ('mug', 1.0)]
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from recsys_lab.recommend.decay import ForwardDecay

HEAD = 1_000
"""How many of the most popular items are kept in order."""


class Popularity:
    """Items by the summed weight of their interactions, the same for everybody.

    half_life: after this long an interaction counts half; None: all count the same for ever.
    Memory: one number for each item. `observe` costs O(log HEAD), `recommend` O(n + excluded) while the answer
    lies in the head.
    """

    def __init__(self, half_life: timedelta | None = None) -> None:
        self._decay = None if half_life is None else ForwardDecay(half_life)
        self._scores: dict[str, float] = {}
        self._total = 0.0
        self._head: list[tuple[float, str]] = []  # (−score, item), best first

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._scores

    def __len__(self) -> int:
        return len(self._scores)

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Add `weight` to the item, whoever the user is."""
        if self._decay is not None:
            self._shift(self._decay.shift(at))
            weight *= self._decay.growth(at)
        old = self._scores.get(item_id)
        new = weight if old is None else old + weight
        self._scores[item_id] = new
        self._total += weight
        self._move(item_id, old, new)

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, score) pairs, best first, ties by item id; the score is the weight as of `at`."""
        excluded = exclude if isinstance(exclude, (set, frozenset, dict)) else frozenset(exclude)
        worth = 1.0 if self._decay is None else self._decay.fade(at)
        best = _first(n, self._head, excluded)
        if len(best) < n and len(self._head) < len(self._scores):
            best = _first(n, self._sorted(), excluded)
        return [(item_id, -negative * worth) for negative, item_id in best]

    def total(self, at: datetime) -> float:
        """The scores of all items together, as of `at`."""
        return self._total if self._decay is None else self._total * self._decay.fade(at)

    def share(self, item_id: str) -> float:
        """The item's part of the total, 0 to 1: the chance that an interaction is with it."""
        return self._scores.get(item_id, 0.0) / self._total if self._total > 0.0 else 0.0

    def state(self) -> dict[str, Any]:
        """Every item's score, and when forward decay began."""
        origin = None if self._decay is None or self._decay.origin is None else self._decay.origin.isoformat()
        return {"scores": dict(self._scores), "total": self._total, "origin": origin}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave; the half-life stays the one of this object."""
        self._scores = dict(state["scores"])
        self._total = state["total"]
        self._head = self._sorted()[:HEAD]
        if self._decay is not None:
            self._decay.origin = None if state["origin"] is None else datetime.fromisoformat(state["origin"])

    def _sorted(self) -> list[tuple[float, str]]:
        return sorted((-score, item_id) for item_id, score in self._scores.items())

    def _move(self, item_id: str, old: float | None, new: float) -> None:
        """Put the item where it now belongs in the head, if it does."""
        head, key = self._head, (-new, item_id)
        if old is not None and head and (-old, item_id) <= head[-1]:
            del head[bisect_left(head, (-old, item_id))]
        elif len(head) == HEAD:
            if key > head[-1]:
                return
            head.pop()
        insort(head, key)

    def _shift(self, factor: float) -> None:
        if factor != 1.0:
            self._scores = {item_id: score * factor for item_id, score in self._scores.items()}
            self._total *= factor
            self._head = self._sorted()[:HEAD]


def _first(n: int, ranked: list[tuple[float, str]], excluded: Collection[str]) -> list[tuple[float, str]]:
    """The first `n` pairs whose item is not excluded. No longer prefix than needed is looked at."""
    prefix = ranked[: max(0, n) + len(excluded)]
    return [pair for pair in prefix if pair[1] not in excluded][: max(0, n)]
