"""One shop in two settings: the engine in memory, and the engine behind Kafka. Same calls, same answers.

A run that is written against `Setting` can be moved from one to the other without a change; so can its figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine

if TYPE_CHECKING:
    from recsys_lab.kafka import KafkaRecommendationSystem

IN_FLIGHT = 500
"""Items whose update is sent before the acknowledgements of those before are awaited."""


class Answered(NamedTuple):
    """Items shown, best first; whether they came from the cache; how long the user waited, in seconds of real time."""

    items: Sequence[str]
    from_cache: bool
    seconds: float


class Setting(Protocol):
    """What a run needs of a shop. Times are those of `clock`, which the run turns."""

    clock: SimulatedClock

    async def categorise(self, categories: Mapping[str, str]) -> None:
        """Tell the category of each item."""

    async def tell(self, rows: Sequence[Any]) -> None:
        """Have these interactions happen, in order; when this returns they will not be lost."""

    async def ask(self, users: Sequence[str]) -> list[Answered]:
        """Ten recommendations for each of these users, all asked for at the same time."""

    def has(self, user_id: str, item_id: str) -> bool:
        """Whether the user took the item before, as of the latest answer."""


class InMemory:
    """The engine, called directly."""

    def __init__(self, engine: StreamingRecommendationEngine, clock: SimulatedClock) -> None:
        self.clock, self._engine = clock, engine

    async def categorise(self, categories: Mapping[str, str]) -> None:
        for item_id, category in categories.items():
            await self._engine.update_item(item_id, {"category": category})

    async def tell(self, rows: Sequence[Any]) -> None:
        for row in rows:
            self.clock.set(row.timestamp.to_pydatetime())
            await self._engine.process_user_interaction(
                row.user_id, row.item_id, row.interaction_type, row.interaction_value, session_id=row.session_id
            )

    async def ask(self, users: Sequence[str]) -> list[Answered]:
        answers = []
        for user_id in users:
            hits, began = self._hits(), perf_counter()
            shown = await self._engine.get_recommendations(user_id, 10)
            seconds = perf_counter() - began
            answers.append(Answered([item.item_id for item in shown], self._hits() > hits, seconds))
        return answers

    def has(self, user_id: str, item_id: str) -> bool:
        return _has(self._engine, user_id, item_id)

    def _hits(self) -> int:
        return self._engine.recommendation_cache.stats()["hits"]


class OnKafka:
    """The system on Kafka: each call is a record, and each answer comes back as one."""

    def __init__(self, system: KafkaRecommendationSystem, clock: SimulatedClock) -> None:
        self.clock, self._system = clock, system

    async def categorise(self, categories: Mapping[str, str]) -> None:
        pairs = list(categories.items())
        for start in range(0, len(pairs), IN_FLIGHT):
            await asyncio.gather(
                *(self._system.update_item(item, {"category": name}) for item, name in pairs[start : start + IN_FLIGHT])
            )

    async def tell(self, rows: Sequence[Any]) -> None:
        await asyncio.gather(
            *(
                self._system.send_user_interaction(
                    row.user_id, row.item_id, row.interaction_type, row.interaction_value,
                    session_id=row.session_id, timestamp=row.timestamp.to_pydatetime(),
                )
                for row in rows
            )
        )  # fmt: skip
        if rows:
            self.clock.set(rows[-1].timestamp.to_pydatetime())

    async def ask(self, users: Sequence[str]) -> list[Answered]:
        return await asyncio.gather(*map(self._ask, users))

    def has(self, user_id: str, item_id: str) -> bool:
        return _has(self._system.engine, user_id, item_id)

    async def _ask(self, user_id: str) -> Answered:
        began = perf_counter()
        request_id = await self._system.request_recommendations(user_id, 10)
        response = await self._system.await_response(request_id, timedelta(seconds=60))
        items = [item["item_id"] for item in response.recommendations]
        return Answered(items, response.from_cache, perf_counter() - began)


def _has(engine: StreamingRecommendationEngine, user_id: str, item_id: str) -> bool:
    profile = engine.user_profiles.get(user_id)
    return profile is not None and item_id in profile.items
