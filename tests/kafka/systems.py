"""What the tests of the recommendation system share: an instance, its answers, and the same log folded in memory."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.events import ItemUpdateEvent
from recsys_lab.kafka import KafkaRecommendationSystem, LocalKafka
from tests.builders import clock_time
from tests.kafka.helpers import read

System = KafkaRecommendationSystem
LONG = timedelta(seconds=60)


def a_system(kafka: LocalKafka, **options: Any) -> KafkaRecommendationSystem:
    return System(kafka.bootstrap_servers, **{"clock": SimulatedClock(clock_time("10:00")), **options})


async def ask(system: KafkaRecommendationSystem, user_id: str, **request: Any) -> list[dict[str, Any]]:
    request_id = await system.request_recommendations(user_id, **request)
    return (await system.await_response(request_id, LONG)).recommendations


async def ask_all(system: KafkaRecommendationSystem) -> bytes:
    """The answers to every user, byte for byte."""
    return json.dumps([await ask(system, f"user-{number}") for number in range(6)]).encode()


async def folded(kafka: LocalKafka, first: int | None = None) -> StreamingRecommendationEngine:
    """An engine in memory that was given the changelog, each interaction and update once, in its order.

    first: only so many of them.
    """
    engine = StreamingRecommendationEngine(clock=SimulatedClock(clock_time("10:00")))
    async with engine:
        for event in unique([record.event for record in read(kafka.bootstrap_servers, "engine-changelog")])[:first]:
            if isinstance(event, ItemUpdateEvent):
                await engine.update_item(event.item_id, event.features)
            else:
                await engine.process_user_interaction(
                    event.user_id, event.item_id, event.interaction_type, event.interaction_value,
                    event.context, session_id=event.session_id, timestamp=event.timestamp,
                )  # fmt: skip
    return engine


def unique(events: list[Any]) -> list[Any]:
    """Each once, in the order in which they first come."""
    return list({event.event_id: event for event in events}.values())


def state(engine: Any) -> Any:
    return engine.recommender.state(), engine.user_profiles, engine.item_features
