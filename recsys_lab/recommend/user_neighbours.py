"""The textbook's recommender: people who share your items also have these.

Two users are alike by the share of items they have in common (Jaccard 1901, over each one's last 100 distinct
items). The items of the ten users most alike are the candidates, and each neighbour votes for his items with
his similarity.

The textbook compares the user to everybody, for each request. Here an index from item to those who hold it
finds the users who share at least one item; whoever shares none has similarity 0 and is never looked at. The
answer is the same (a property test compares the two), but the work still grows with the number of users who
share an item: a popular item is held by a fixed part of all. `ItemNeighbours` is the way out.

    >>> from datetime import datetime, timezone
    >>> noon, model = datetime(2026, 1, 1, 12, tzinfo=timezone.utc), UserNeighbours()
    >>> for user, item in [("ann", "lamp"), ("bob", "lamp"), ("bob", "desk")]:
    ...     model.observe(user, item, 1.0, noon)
    >>> model.recommend("ann", 10, at=noon, exclude=["lamp"])
    [('desk', 0.5)]
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from recsys_lab.recommend.popularity import Popularity

HISTORY = 100
"""Distinct items remembered for each user, the latest; a repeat moves to the end."""

NEIGHBOURS = 10
"""Most similar users who vote."""

MIN_SIMILARITY = 0.1
"""Jaccard similarity that a neighbour must exceed."""


class UserNeighbours:
    """User-to-user collaborative filtering with Jaccard similarity, as a `Recommender`.

    fill_with_popular: the rule itself has nothing to say to a cold user, nor beyond the neighbours' items. With
    this set, all other items follow the candidates in order of popularity, as an engine and a comparison want it;
    each scores at most 0.1, less than any candidate.

    `observe` takes O(1), `recommend` O(users who hold an item, summed over the user's items). At most 100
    items are held for each user, each once in his own list and once in the index.
    """

    def __init__(self, *, fill_with_popular: bool = False) -> None:
        self._fill_with_popular = fill_with_popular
        self._popularity = Popularity()
        self._items: dict[str, dict[str, None]] = {}  # user -> his last items, oldest first: an ordered set
        self._holders: dict[str, set[str]] = {}  # item -> the users who hold it now

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Remember the item as the user's latest. `weight` and `at` matter to popularity only."""
        self._popularity.observe(user_id, item_id, weight, at)
        self._remember(user_id, item_id)

    def neighbours(self, user_id: str) -> list[tuple[str, float]]:
        """The (user, similarity) pairs who vote: at most 10, most similar first, ties by user id."""
        mine = self._items.get(user_id, {})
        shared: Counter[str] = Counter()
        for item_id in mine:
            shared.update(self._holders[item_id])
        shared.pop(user_id, None)
        # The union is no smaller than my own list: that rules most users out before their list is looked up.
        enough = MIN_SIMILARITY * len(mine)
        similar = (
            (other, common / (len(mine) + len(self._items[other]) - common))
            for other, common in shared.items()
            if common > enough
        )
        kept = ((other, similarity) for other, similarity in similar if similarity > MIN_SIMILARITY)
        return heapq.nsmallest(NEIGHBOURS, kept, key=lambda pair: (-pair[1], pair[0]))

    def candidates(self, user_id: str, *, exclude: Collection[str] = ()) -> list[tuple[str, float]]:
        """(item, score) pairs, best first; a score sums the similarity of the neighbours with the item."""
        excluded = frozenset(exclude)
        votes: dict[str, float] = {}
        for other, similarity in self.neighbours(user_id):
            for item_id in self._items[other]:
                if item_id not in excluded:
                    votes[item_id] = votes.get(item_id, 0.0) + similarity
        scored = [(item_id, round(vote, 9)) for item_id, vote in votes.items()]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, score) pairs, best first: the neighbours' items, then popular ones if so wished."""
        found = self.candidates(user_id, exclude=exclude)
        if not self._fill_with_popular:
            return found[: max(n, 0)]
        return (found + self._popular(user_id, n - len(found), found, at=at, exclude=exclude))[: max(n, 0)]

    def state(self) -> dict[str, Any]:
        """Each user's items, oldest first, and the popularity; the index is made from them again."""
        users = {user_id: list(items) for user_id, items in self._items.items()}
        return {"users": users, "popularity": self._popularity.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._popularity.restore(state["popularity"])
        self._items, self._holders = {}, {}
        for user_id, items in state["users"].items():
            for item_id in items:
                self._remember(user_id, item_id)

    def _remember(self, user_id: str, item_id: str) -> None:
        items = self._items.setdefault(user_id, {})
        if item_id in items:
            del items[item_id]
        else:
            self._holders.setdefault(item_id, set()).add(user_id)
        items[item_id] = None
        if len(items) > HISTORY:
            self._forget(user_id, next(iter(items)))

    def _forget(self, user_id: str, item_id: str) -> None:
        del self._items[user_id][item_id]
        holders = self._holders[item_id]
        holders.remove(user_id)
        if not holders:
            del self._holders[item_id]

    def _popular(
        self, user_id: str, n: int, found: list[tuple[str, float]], *, at: datetime, exclude: Collection[str]
    ) -> list[tuple[str, float]]:
        """The `n` most popular other items, scaled so that the best of them scores 0.1."""
        if n <= 0:
            return []
        known = frozenset(exclude).union(item_id for item_id, _ in found)
        popular = self._popularity.recommend(user_id, n, at=at, exclude=known)
        best = popular[0][1] if popular else 0.0
        return [(item_id, MIN_SIMILARITY * score / best if best > 0 else 0.0) for item_id, score in popular]
