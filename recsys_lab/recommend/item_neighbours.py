"""ItemNeighbours: what goes with the items you took last. The lab's default recommender.

Three parts, each learned from one event at a time:
- `PairTable`: which items came before and after which, in a bounded list for each item;
- `LagWeights`: how much each of the user's latest items says about the next one, and how much their pairs count,
  learned from the log too;
- `Popularity` with a half-life of two weeks: one more source beside the items, and the only one for strangers.

score(x) = 1 / √n(x) × [ Σ over the 20 latest items i, over after and before: w × count(i, x) / √total(i)
                         + w_popularity × share(x) × √(average total) ]

The roots make it the cosine of item-based filtering: a pure probability would name best-sellers to everybody, and
dividing by whole frequencies would name curiosities. (Sarwar et al., "Item-based collaborative filtering", WWW
2001; Linden, Smith and York, "Amazon.com recommendations", 2003.) The weights w are those learned, ** 0.625.

What each idea buys: HR@10 without it, test-then-learn, every 5th event asked, as `python -m benchmarks.ideas`
prints it. Purchases: of 150 customers; shop: `experiments.simulate`; the others are made in `tests/recommend/logs.py`.
In genres and raters nothing leads to anything, and tastes alone decide.

                                    purchases  shop   baskets  genres  raters
    all of it                       0.178      0.255  0.643    0.311   0.146
    lag weights as first guessed    0.158      0.222  0.433    0.309   0.148
    all pairs count 1               0.126      0.219  0.565    0.311   0.150
    no popularity                   0.175      0.259  0.646    0.309   0.160
    no visits                       0.184      0.260  0.642    0.312   0.139
    hardly a prior (0.5)            0.178      0.267  0.652    0.286   0.157
    lists of 64 neighbours          0.181      0.254  0.640    0.302   0.145
    weights as learned, not ** 0.625  0.174    0.272  0.660    0.287   0.132
    the sketch                      0.148      0.197  0.312    0.253   0.145   (`tests/recommend/sketch.py`)

No row is best everywhere; the first is never far behind, and never behind the sketch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_lab.recommend.lags import STEPS, LagWeights
from recsys_lab.recommend.pairs import AFTER, BEFORE, PairTable
from recsys_lab.recommend.popularity import Popularity

PAUSE = timedelta(minutes=30)
"""A longer pause ends a visit."""

POPULARITY_HALF_LIFE = timedelta(days=14)
POPULAR = 32
"""How many popular items are candidates beside the neighbours."""

PRIOR = 8.0
"""Imagined evidence added to every count, so that a list of two pairs is not taken at its word."""

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


class _User:
    """What is kept of a user: the last 20 distinct items, newest first, and the visit they are in."""

    __slots__ = ("in_visit", "items", "latest")

    def __init__(self, items: list[int], in_visit: int, latest: datetime) -> None:
        self.items, self.in_visit, self.latest = items, in_visit, latest

    def in_visit_at(self, at: datetime) -> int:
        """How many of the items are of the visit that goes on at that time."""
        return 0 if at - self.latest > PAUSE else self.in_visit


class ItemNeighbours:
    """Recommends what goes with the user's latest items.

    `observe` costs O(20 pairs), `recommend` O(20 lists of 128 + excluded items), however many users and items.
    Memory: for each user the last 20 distinct items, some 350 bytes beside his name; for each item at most 40 KB
    (see `pairs`). Users and items themselves are never forgotten: who streams ever-new ones must bound them upstream.
    `weight` matters to popularity only: where a purchase follows a view, its pairs have been counted twice by then.
    """

    def __init__(self) -> None:
        self._popularity = Popularity(half_life=POPULARITY_HALF_LIFE)
        self._pairs = PairTable()
        self._lags = LagWeights()
        self._users: dict[str, _User] = {}
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._taken = np.zeros(64)  # how often each item was taken; one more place at the end for no item
        self._scores = np.zeros(64)  # all 0.0 between requests
        self._places = np.zeros(64, dtype=np.intp)  # scratch, as _scores: what is here does not matter

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Learn who took what, which items it came after, and which of them had announced it."""
        item = self._number(item_id)
        user = self._users.get(user_id)
        if user is None:
            self._users[user_id] = _User([item], 1, at)
        else:
            in_visit = user.in_visit_at(at)
            weights = self._lags.of_pairs(in_visit)
            if item in user.items:  # it is still in mind: nothing was to be predicted
                kept = [(other, weight) for other, weight in zip(user.items, weights, strict=False) if other != item]
                self._pairs.learn([other for other, _ in kept], item, [weight for _, weight in kept])
            else:
                self._lags.credit(in_visit, self._chances(user.items, item), self._popularity.share(item_id))
                self._pairs.learn(user.items, item, weights[: len(user.items)])
            user.in_visit = _move_to_front(user.items, item, in_visit)
            user.latest = max(user.latest, at)
        self._taken[item] += 1.0
        self._popularity.observe(user_id, item_id, weight, at)

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, score) pairs, best first: neighbours and popular items, then the rest by popularity."""
        excluded = exclude if isinstance(exclude, (set, frozenset, dict)) else frozenset(exclude)
        if n <= 0 or not self._names:
            return []
        candidates, scores = self._candidates(user_id, at, excluded)
        best = self._best(candidates, scores, n, excluded)
        if len(best) == n:
            return best
        return best + self._rest(best, n - len(best), at, excluded)

    def relation(self, item_a: str, item_b: str) -> float:
        """How strongly two items go together, 0 to 1, the same both ways; 1.0 for an item with itself.

        Their pair count over the root of both frequencies (cosine), with the prior on each frequency.
        """
        if item_a == item_b:
            return 1.0
        a, b = self._numbers.get(item_a), self._numbers.get(item_b)
        if a is None or b is None:
            return 0.0
        after, before = self._pairs.count(a, b)
        frequencies = (self._taken[a] + PRIOR) * (self._taken[b] + PRIOR)
        return min(1.0, float((after + before) / np.sqrt(frequencies)))

    def state(self) -> dict[str, Any]:
        """Everything that was learned."""
        users = {
            user_id: [user.items.copy(), user.in_visit, user.latest.isoformat()]
            for user_id, user in self._users.items()
        }
        return {
            "items": list(self._names),
            "taken": self._taken[: len(self._names)].tolist(),
            "users": users,
            "pairs": self._pairs.state(),
            "lags": self._lags.state(),
            "popularity": self._popularity.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._names = list(state["items"])
        self._numbers = {item_id: number for number, item_id in enumerate(self._names)}
        self._pairs.restore(state["pairs"])
        self._lags.restore(state["lags"])
        self._popularity.restore(state["popularity"])
        self._users = {
            user_id: _User(list(items), in_visit, datetime.fromisoformat(latest))
            for user_id, (items, in_visit, latest) in state["users"].items()
        }
        self._taken = np.zeros(len(self._names) + 64)
        self._taken[: len(self._names)] = state["taken"]
        self._scores = np.zeros(len(self._taken))
        self._places = np.zeros(len(self._taken), dtype=np.intp)

    def _number(self, item_id: str) -> int:
        number = self._numbers.get(item_id)
        if number is None:
            number = self._pairs.add_item()
            self._numbers[item_id] = number
            self._names.append(item_id)
            if number + 1 == len(self._taken):  # keep the last place free: NOBODY's score goes there
                self._taken = np.concatenate([self._taken, np.zeros(len(self._taken))])
                self._scores = np.zeros(len(self._taken))
                self._places = np.zeros(len(self._taken), dtype=np.intp)
        return number

    def _chances(self, items: list[int], item: int) -> list[list[float]]:
        """The share that `item` has of all that came [after, before] each of `items`."""
        chances = []
        for other in items:
            (after, before), (all_after, all_before) = self._pairs.count(other, item), self._pairs.totals[other]
            chances.append([after / (all_after + PRIOR), before / (all_before + PRIOR)])
        return chances

    def _candidates(self, user_id: str, at: datetime, excluded: Collection[str]) -> tuple[Rows, Floats]:
        """Numbers and scores of the items to choose from, each once."""
        scores, in_visit, numbers = self._scores, 0, []
        user = self._users.get(user_id)
        if user is not None:
            in_visit = user.in_visit_at(at)
            rows = np.array(user.items)
            weights = _tempered(np.array(self._lags.of_items(in_visit, len(rows))))
            weights /= np.sqrt(np.array([self._pairs.totals[row] for row in user.items]) + PRIOR)
            counts = self._pairs.counts[rows]
            parts = counts[:, :, AFTER] * weights[:, AFTER, np.newaxis]
            parts += counts[:, :, BEFORE] * weights[:, BEFORE, np.newaxis]
            numbers.append(self._pairs.neighbours[rows].ravel())
            np.add.at(scores, numbers[0], parts.ravel())
        popular = self._popularity.recommend(user_id, POPULAR, at=at, exclude=excluded)
        total = self._popularity.total(at)
        if total > 0.0:
            numbers.append(np.array([self._numbers[item_id] for item_id, _ in popular], dtype=np.int32))
            weight = _tempered(np.array(self._lags.of_popularity(in_visit)))
            weight *= np.sqrt(self._pairs.mean_total() + PRIOR) / total  # trusted like a list of average size
            np.add.at(scores, numbers[-1], np.array([score for _, score in popular]) * weight)
        candidates = np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int32)
        places = np.arange(len(candidates))
        self._places[candidates] = places  # of a number that several lists hold, the last place remains
        once = candidates[(self._places[candidates] == places) & (candidates >= 0)]
        found = scores[once] / np.sqrt(self._taken[once] + PRIOR)
        scores[candidates] = 0.0
        real = found > 0.0
        return once[real], found[real]

    def _best(self, candidates: Rows, scores: Floats, n: int, excluded: Collection[str]) -> list[tuple[str, float]]:
        """The `n` best that are not excluded, each once, ties by item id."""
        best: dict[str, float] = {}
        last = 0.0
        for number, score in _descending(candidates, scores):
            if len(best) >= n and score < last:
                break  # only now is it sure that no item of the same score is left
            item_id = self._names[number]
            if item_id not in excluded:
                best[item_id] = last = score
        return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:n]

    def _rest(
        self, best: list[tuple[str, float]], n: int, at: datetime, excluded: Collection[str]
    ) -> list[tuple[str, float]]:
        """Further items by popularity, scored below the best ones: at most half of the last of them."""
        known = set(excluded).union(item_id for item_id, _ in best)
        popular = self._popularity.recommend("", n, at=at, exclude=known)
        ceiling = 0.5 * best[-1][1] if best else 1.0
        top = popular[0][1] if popular else 0.0
        return [(item_id, ceiling * (score / top) if top > 0.0 else 0.0) for item_id, score in popular]


def _descending(numbers: Rows, scores: Floats) -> Iterator[tuple[int, float]]:
    """(number, score) pairs, best first; few are asked for, so only some at a time become Python numbers."""
    order = np.argsort(-scores)
    for start in range(0, len(order), 64):
        some = order[start : start + 64]
        yield from zip(numbers[some].tolist(), scores[some].tolist(), strict=True)


def _move_to_front(items: list[int], item: int, in_visit: int) -> int:
    """Make the item the newest of at most `STEPS`; returns how many are of this visit now."""
    if item in items:
        position = items.index(item)
        del items[position]
        in_visit -= position < in_visit
    items.insert(0, item)
    del items[STEPS:]
    return min(in_visit + 1, STEPS)


def _tempered(weights: Floats) -> Floats:
    """weights ** 0.625, from roots alone: less trust in the strongest source than its past has earned."""
    root = np.sqrt(weights)
    tempered: Floats = root * np.sqrt(np.sqrt(root))
    return tempered
