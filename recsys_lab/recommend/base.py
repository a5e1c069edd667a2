"""What every recommender can do: watch one interaction, and answer one request.

Two verbs, as in river's `learn_one` / `predict_one`, so that any two recommenders can change places in the
engine, in an evaluation, on Kafka or in a dataflow. Time is an argument: a recommender has no clock.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Recommender(Protocol):
    """Learns from each interaction as it comes; recommends from what it has seen so far."""

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        """Learn that the user interacted with the item at that time.

        weight: strength of the evidence, from 0 (none) to 1 (a purchase); see `events.interaction_weight`.
        """

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        """At most `n` (item, score) pairs, best first, ties by item id; no item of `exclude`, none never observed.

        A user it does not know gets popular items, if the recommender knows of popularity.
        """

    def state(self) -> dict[str, Any]:
        """All that was learned, as plain data (dict, list, str, int, float, None) that msgpack can store."""

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave, as if never interrupted."""
