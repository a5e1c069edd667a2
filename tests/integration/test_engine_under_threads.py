"""Eight threads, each with its own event loop, call one engine."""

from __future__ import annotations

import asyncio
import threading

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine

THREADS = 8
INTERACTIONS = 100
REQUESTS = 20


@pytest.mark.integration
@pytest.mark.timeout(120)
def test_every_call_from_eight_threads_is_counted_once():
    errors: list[BaseException] = []

    async def customer(engine: StreamingRecommendationEngine, name: str) -> None:
        try:
            for number in range(INTERACTIONS):
                event = await engine.process_user_interaction(name, f"item-{number % 37}", "view")
                assert engine.recent_interactions[name][-1] is event
                await engine.process_user_interaction("everybody", f"item-{number % 41}", "click")
                if number % (INTERACTIONS // REQUESTS) == 0:
                    shown = await engine.get_recommendations(name, 5)
                    assert not {each.item_id for each in shown} & set(engine.user_profiles[name].items)
                    await engine.update_item(f"item-{number % 37}", {"category": "home"})
                    engine.explain(name, "item-0")
                    engine.get_metrics()
        except BaseException as error:
            errors.append(error)

    async def main() -> None:
        heard: list[str] = []

        async def listen(event) -> None:
            heard.append(event.request_id)

        async with StreamingRecommendationEngine(clock=SimulatedClock()) as engine:
            engine.event_streams["responses"].subscribe(listen)
            threads = [
                threading.Thread(target=lambda name=f"user-{number}": asyncio.run(customer(engine, name)))
                for number in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                await asyncio.to_thread(thread.join)
            await engine.event_streams["responses"].drain()
        assert errors == []
        profiles = engine.user_profiles
        assert {profiles[f"user-{number}"].interaction_count for number in range(THREADS)} == {INTERACTIONS}
        assert profiles["everybody"].interaction_count == THREADS * INTERACTIONS
        metrics = engine.get_metrics()
        assert metrics["profile_updater"]["profiles_updated"] == 2 * THREADS * INTERACTIONS
        assert metrics["recommender"]["requests_processed"] == metrics["latency_ms"]["count"] == THREADS * REQUESTS
        assert metrics["cache"]["hits"] + metrics["cache"]["misses"] == THREADS * REQUESTS
        assert len(set(heard)) == len(heard) == THREADS * REQUESTS
        assert not any(stream.dead_letters for stream in engine.event_streams.values())

    asyncio.run(main())
