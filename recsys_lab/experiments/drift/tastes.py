"""Tastes: what a user turns to, and how surprising it is. And a recommender made of it.

Of each user is known how often they turned to each category. What that says about the next item is a probability, so
what the user then does can be more or less of a surprise: −log2 P(category | user), in bits. Hit or miss says one bit
about a list of ten; surprise says how wrong the model was, at every event. So it is the better signal for a detector.

A user of few events is thought to be like everybody:

    P(category | user) = (turns to it + PRIOR × its share of all turns) / (all turns of the user + PRIOR)

Items looked at one after the other in the same category are one turn: the first one decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from math import log2
from typing import Any

from recsys_lab.recommend.decay import ForwardDecay
from recsys_lab.recommend.popularity import Popularity

PRIOR = 4.0
"""Imagined turns of every user, dealt out like those of all."""

PAUSE = timedelta(minutes=30)
"""After a longer pause the next item is a new turn, whatever its category."""


class Tastes:
    """Turns by user and category.

    half_life: after this long a turn counts half; None: all count the same for ever. `turn` and `surprise` cost
    O(categories). Memory: a number for each user and category.
    """

    def __init__(self, half_life: timedelta | None = None) -> None:
        self._decay = None if half_life is None else ForwardDecay(half_life)
        self._users: dict[str, dict[str, float]] = {}
        self._all: dict[str, float] = {}
        self._latest: dict[str, tuple[str, datetime]] = {}

    def observe(self, user_id: str, category: str, at: datetime) -> None:
        """The user looked at something of the category; counted if it is a turn."""
        before = self._latest.get(user_id)
        self._latest[user_id] = (category, at)
        if before is not None and before[0] == category and at - before[1] <= PAUSE:
            return
        worth = 1.0
        if self._decay is not None:
            self._scale(self._decay.shift(at))
            worth = self._decay.growth(at)
        turns = self._users.setdefault(user_id, {})
        turns[category] = turns.get(category, 0.0) + worth
        self._all[category] = self._all.get(category, 0.0) + worth

    def probability(self, user_id: str, category: str, at: datetime) -> float:
        """How likely the user turns to the category next, above 0; all unknown ones together count as one turn."""
        worth = 1.0 if self._decay is None else self._decay.fade(at)
        turns = self._users.get(user_id, {})
        share = (self._all.get(category, 0.0) * worth + 1.0) / (sum(self._all.values()) * worth + len(self._all) + 1.0)
        return (turns.get(category, 0.0) * worth + PRIOR * share) / (sum(turns.values()) * worth + PRIOR)

    def surprise(self, user_id: str, category: str, at: datetime) -> float:
        """−log2 of the probability, in bits; to be asked before `observe`."""
        return -log2(self.probability(user_id, category, at))

    def shorten_memory(self, half_life: timedelta, at: datetime) -> None:
        """From `at` on, forget by this half-life; what is known by then keeps the worth that it has then."""
        if self._decay is not None:
            self._scale(self._decay.fade(at))
        self._decay = ForwardDecay(half_life)
        self._decay.growth(at)  # its origin

    def state(self) -> dict[str, Any]:
        """Everything that was learned, and the half-life, which may have been shortened."""
        decay = self._decay
        return {
            "half_life": None if decay is None else decay.half_life.total_seconds(),
            "origin": None if decay is None or decay.origin is None else decay.origin.isoformat(),
            "users": {user_id: dict(turns) for user_id, turns in self._users.items()},
            "all": dict(self._all),
            "latest": {user_id: [category, at.isoformat()] for user_id, (category, at) in self._latest.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._decay = None
        if state["half_life"] is not None:
            self._decay = ForwardDecay(timedelta(seconds=state["half_life"]))
            self._decay.origin = None if state["origin"] is None else datetime.fromisoformat(state["origin"])
        self._users = {user_id: dict(turns) for user_id, turns in state["users"].items()}
        self._all = dict(state["all"])
        self._latest = {
            user: (category, datetime.fromisoformat(at)) for user, (category, at) in state["latest"].items()
        }

    def _scale(self, factor: float) -> None:
        if factor != 1.0:
            for turns in (*self._users.values(), self._all):
                for category in turns:
                    turns[category] *= factor


class TasteRecommender:
    """Recommends what is popular in the categories that a user turns to: P(category | user) × P(item | category).

    categories: of each item. half_life: of tastes and popularity. `recommend` costs O(categories × n).
    """

    def __init__(self, categories: Mapping[str, str], half_life: timedelta | None = None) -> None:
        self.tastes = Tastes(half_life)
        self._categories = categories
        self._half_life = half_life
        self._items: dict[str, Popularity] = {}

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Learn a turn, if it is one, and what is popular."""
        category = self._categories[item_id]
        self._items.setdefault(category, Popularity(self._half_life)).observe(user_id, item_id, weight, at)
        self.tastes.observe(user_id, category, at)

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, probability) pairs, best first, ties by item id."""
        scored = []
        for category, items in self._items.items():
            total = items.total(at)
            chance = self.tastes.probability(user_id, category, at) / total if total > 0.0 else 0.0
            scored += [(-chance * score, item_id) for item_id, score in items.recommend("", n, at=at, exclude=exclude)]
        return [(item_id, -negative) for negative, item_id in sorted(scored)[: max(0, n)]]

    def shorten_memory(self, half_life: timedelta, at: datetime) -> None:
        """As `Tastes.shorten_memory`, for what is popular as well."""
        self.tastes.shorten_memory(half_life, at)
        self._half_life = half_life
        for category, items in self._items.items():
            self._items[category] = shorter = Popularity(half_life)
            for item_id, score in items.recommend("", len(items), at=at):
                shorter.observe("", item_id, score, at)

    def state(self) -> dict[str, Any]:
        """Everything that was learned."""
        return {
            "tastes": self.tastes.state(),
            "items": {category: items.state() for category, items in self._items.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self.tastes.restore(state["tastes"])
        seconds = state["tastes"]["half_life"]
        self._half_life = None if seconds is None else timedelta(seconds=seconds)
        self._items = {category: Popularity(self._half_life) for category in state["items"]}
        for category, items in state["items"].items():
            self._items[category].restore(items)
