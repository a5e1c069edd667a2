"""One shop in two settings: the engine in memory, and the engine behind Kafka. Same calls, same answers.

A run that is written against `Setting` can be moved from one to the other without a change; so can its figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine

if TYPE_CHECKING:
    from recsys_lab.kafka import KafkaRecommendationSystem

IN_FLIGHT = 500
"""Items whose update is sent before the acknowledgements of those before are awaited."""


class Answered(NamedTuple):
    """An answer: items, best first; from_cache, whether they were computed earlier; computed, when that was (None
    for an empty list); seconds, how long the user waited, in real time."""

    items: Sequence[str]
    from_cache: bool
    computed: datetime | None
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

    def lag(self) -> int:
        """Interactions and item updates that were told and that the engine has not learned from yet."""

    def misses(self) -> Mapping[str, int]:
        """Requests so far that the cache could not answer, by cause: cold, expired, invalidated, evicted."""

    def fresh(self, user_id: str) -> Sequence[str]:
        """Ten items for the user as they would be computed now, cache or no cache."""


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
            computed = shown[0].timestamp if shown else None
            answers.append(Answered([item.item_id for item in shown], self._hits() > hits, computed, seconds))
        return answers

    def has(self, user_id: str, item_id: str) -> bool:
        return _has(self._engine, user_id, item_id)

    def lag(self) -> int:
        return max(reader.lag for reader in self._engine.event_streams["interactions"].subscriptions)

    def misses(self) -> Mapping[str, int]:
        return self._engine.recommendation_cache.miss_causes()

    def fresh(self, user_id: str) -> Sequence[str]:
        return _fresh(self._engine, user_id)

    def _hits(self) -> int:
        return self._engine.recommendation_cache.stats()["hits"]


class OnKafka:
    """The system on Kafka: each call is a record, and each answer comes back as one."""

    def __init__(self, system: KafkaRecommendationSystem, clock: SimulatedClock) -> None:
        self.clock, self._system = clock, system
        self._told: int = system.metrics()["folded"]

    async def categorise(self, categories: Mapping[str, str]) -> None:
        pairs = list(categories.items())
        self._told += len(pairs)
        for start in range(0, len(pairs), IN_FLIGHT):
            await asyncio.gather(
                *(self._system.update_item(item, {"category": name}) for item, name in pairs[start : start + IN_FLIGHT])
            )

    async def tell(self, rows: Sequence[Any]) -> None:
        self._told += len(rows)
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

    def lag(self) -> int:
        folded: int = self._system.metrics()["folded"]
        return max(0, self._told - folded)

    def misses(self) -> Mapping[str, int]:
        return self._system.engine.recommendation_cache.miss_causes()

    def fresh(self, user_id: str) -> Sequence[str]:
        return _fresh(self._system.engine, user_id)

    async def _ask(self, user_id: str) -> Answered:
        began = perf_counter()
        request_id = await self._system.request_recommendations(user_id, 10)
        response = await self._system.await_response(request_id, timedelta(seconds=60))
        items = [item["item_id"] for item in response.recommendations]
        waited = perf_counter() - began
        computed = datetime.fromisoformat(response.recommendations[0]["timestamp"]) if items else None
        return Answered(items, response.from_cache, computed, waited)


def _has(engine: StreamingRecommendationEngine, user_id: str, item_id: str) -> bool:
    profile = engine.user_profiles.get(user_id)
    return profile is not None and item_id in profile.items


def _fresh(engine: StreamingRecommendationEngine, user_id: str) -> list[str]:
    return [item.item_id for item in engine.preview(user_id)]
