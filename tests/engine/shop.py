"""A started engine with a small shop in it, and what a test asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.events import RecommendationRequestEvent
from recsys_lab.recommend.user_neighbours import UserNeighbours
from tests.builders import clock_time

Engine = StreamingRecommendationEngine
MINUTE = timedelta(minutes=1)


def with_engine(work: Callable[[Engine], Awaitable[Any]], **options: Any) -> Any:
    """Run a coroutine on a started engine that stands at 10:00."""

    async def main() -> Any:
        async with Engine(**{"clock": SimulatedClock(clock_time("10:00")), **options}) as engine:
            return await work(engine)

    return asyncio.run(main())


async def a_small_shop(engine: Engine) -> None:
    """Ann and Bob have items in common; lamp is the most popular, vase the least."""
    for user_id, item_id in [("ann", "lamp"), ("ann", "desk"), ("bob", "lamp"), ("bob", "desk"), ("bob", "rug")]:
        await engine.process_user_interaction(user_id, item_id, "purchase")
    await engine.process_user_interaction("cid", "lamp", "view")
    await engine.process_user_interaction("cid", "vase", "view")


def items(recommendations: list[Recommendation]) -> list[str]:
    return [recommendation.item_id for recommendation in recommendations]


def responses(engine: Engine) -> list[Any]:
    return engine.event_streams["responses"].get_recent_events()


def a_request(event_id: str = "req-1", **fields: Any) -> RecommendationRequestEvent:
    return RecommendationRequestEvent(**{"event_id": event_id, "timestamp": clock_time("10:00"), **fields})


def filled_user_neighbours() -> UserNeighbours:
    return UserNeighbours(fill_with_popular=True)
