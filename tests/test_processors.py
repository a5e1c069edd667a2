"""Processors react to one event at a time, between start and stop."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from recsys_lab import profiles
from recsys_lab.errors import LabError
from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    UserProfileUpdateEvent,
)
from recsys_lab.processors import RealTimeRecommendationProcessor, StreamProcessor, UserProfileProcessor
from tests.builders import a_click, a_purchase, a_view, clock_time


def a_request(**fields: Any) -> RecommendationRequestEvent:
    given = {"event_id": "req-1", "timestamp": clock_time("10:00"), "user_id": "ann", "session_id": "s-1"}
    return RecommendationRequestEvent(**{**given, **fields})


class Echo(StreamProcessor):
    """Gives back what it gets."""

    async def process_event(self, event: StreamEvent) -> StreamEvent | None:
        return event


class LoudEcho(Echo):
    async def process_event(self, event: StreamEvent) -> StreamEvent | None:
        self.metrics["loud"] = self.metrics.get("loud", 0) + 1
        return await super().process_event(event)


class EchoWrittenElsewhere:
    async def process_event(self, event: StreamEvent) -> StreamEvent | None:
        return event


class MixedEcho(EchoWrittenElsewhere, StreamProcessor):
    pass


class Answering:
    """Stands in for the engine: answers with the given items, or raises, and counts how often it was asked."""

    def __init__(self, *items: Any, error: Exception | None = None, from_cache: bool = False) -> None:
        self.items, self.error, self.from_cache, self.asked = list(items), error, from_cache, 0
        self.times = [clock_time("10:00:00"), clock_time("10:00:02")]

    def now(self) -> datetime:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]

    def answer(self, request: RecommendationRequestEvent) -> Answering:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self

    def to_list(self) -> list[dict[str, Any]]:
        return self.items


def run(processor: StreamProcessor, *events: StreamEvent) -> list[Any]:
    async def main() -> list[Any]:
        await processor.start()
        return [await processor.process_event(event) for event in events]

    return asyncio.run(main())


# -- running ----------------------------------------------------------------------------------------------------

ALL = [
    lambda: Echo("echo"),
    lambda: LoudEcho("loud"),
    lambda: MixedEcho("mixed"),
    UserProfileProcessor,
    lambda: RealTimeRecommendationProcessor(Answering()),
]
NAMES = ["echo", "subclass", "mixed in", "profiles", "recommendations"]


@pytest.mark.parametrize("make", ALL, ids=NAMES)
def test_processing_is_an_error_before_start_and_after_stop(make):
    async def main() -> None:
        processor = make()
        with pytest.raises(LabError, match="not running"):
            await processor.process_event(a_click("ann", "lamp"))
        await processor.start()
        await processor.process_event(a_click("ann", "lamp"))
        await processor.stop()
        with pytest.raises(LabError, match="not running"):
            await processor.process_event(a_click("ann", "lamp"))
        await processor.start()
        await processor.process_event(a_click("ann", "lamp"))

    asyncio.run(main())


@pytest.mark.parametrize("make", ALL, ids=NAMES)
def test_start_and_stop_can_be_called_twice(make):
    async def main() -> None:
        processor = make()
        assert processor.is_running is False
        await processor.stop()
        for _ in range(2):
            await processor.start()
            assert processor.is_running is True
        for _ in range(2):
            await processor.stop()
            assert processor.is_running is False

    asyncio.run(main())


def test_a_processor_without_process_event_cannot_be_built():
    class Idle(StreamProcessor):
        pass

    with pytest.raises(TypeError, match="process_event"):
        Idle("idle")
    with pytest.raises(TypeError, match="process_event"):
        StreamProcessor("abstract")


def test_a_subclass_that_calls_its_parent_processes_the_event_once():
    processor, click = LoudEcho("loud"), a_click("ann", "lamp")
    assert run(processor, click) == [click]
    assert processor.get_metrics() == {"loud": 1}


def test_the_metrics_given_out_are_a_copy():
    processor = UserProfileProcessor()
    processor.get_metrics()["events_processed"] = 99
    assert processor.get_metrics() == {"events_processed": 0, "profiles_updated": 0}


# -- profiles ---------------------------------------------------------------------------------------------------


def test_the_profile_processor_folds_interactions_and_announces_each_new_profile():
    processor = UserProfileProcessor()
    events = [a_click("ann", "lamp", at="10:00", session_id="s-1"), a_purchase("ann", "desk", at="10:05")]
    updates = run(processor, *events)
    expected = profiles.update(profiles.update(profiles.new("ann"), events[0]), events[1])
    assert processor.get_user_profile("ann") == expected
    assert processor.get_user_profile("bob") is None
    assert all(isinstance(update, UserProfileUpdateEvent) for update in updates)
    assert [update.profile for update in updates][-1] == expected.to_dict()
    assert (updates[0].user_id, updates[0].session_id, updates[0].timestamp) == ("ann", "s-1", clock_time("10:00"))
    assert updates[0].event_id != updates[1].event_id
    assert all(StreamEvent.from_json(update.to_json()) == update for update in updates)
    assert processor.get_metrics() == {"events_processed": 2, "profiles_updated": 2}


def test_the_profile_processor_ignores_other_events():
    processor = UserProfileProcessor()
    update = ItemUpdateEvent(event_id="e", timestamp=clock_time("10:00"), item_id="lamp", user_id="ann")
    assert run(processor, update, a_request()) == [None, None]
    assert processor.profiles == {}
    assert processor.get_metrics()["profiles_updated"] == 0


def test_the_category_comes_from_the_items_features_even_when_they_came_later():
    features: dict[str, dict[str, Any]] = {}
    processor = UserProfileProcessor(item_features=features)
    run(processor, a_view("ann", "lamp", data={"category": "light"}))
    features["lamp"] = {"category": "home"}
    run(processor, a_view("ann", "lamp", data={"category": "light"}))
    assert processor.profiles["ann"].preferred_categories == {"light": 0.2, "home": 0.2}


# -- recommendations --------------------------------------------------------------------------------------------


def test_a_request_gets_exactly_one_response_that_names_it():
    engine = Answering({"item_id": "lamp", "score": 0.5}, from_cache=True)
    processor = RealTimeRecommendationProcessor(engine)
    (response,) = run(processor, a_request())
    assert response == RecommendationResponseEvent(
        event_id="req-1-response",
        timestamp=clock_time("10:00:02"),
        user_id="ann",
        session_id="s-1",
        request_id="req-1",
        recommendations=[{"item_id": "lamp", "score": 0.5}],
        processing_time_ms=2000.0,
        from_cache=True,
    )
    assert engine.asked == 1
    assert processor.get_metrics() == {"requests_processed": 1, "recommendations_generated": 1, "errors": 0}


def test_other_events_are_no_requests():
    engine = Answering()
    processor = RealTimeRecommendationProcessor(engine)
    assert run(processor, a_click("ann", "lamp")) == [None]
    assert (engine.asked, processor.get_metrics()["requests_processed"]) == (0, 0)


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        (Answering(error=ValueError("boom")), "ValueError: boom"),
        (Answering(error=ValueError("x" * 2_000_000)), "ValueError: xxx"),  # no event is that large
        (Answering(error=ValueError("half a pair: \ud800")), "half a pair"),  # nor can be sent
        (Answering({"item_id": "lamp", "score": float("nan")}), "score is nan"),
        (Answering({"item_id": "lamp" * 300_000}), "1,048,576"),
        (Answering({"item_id": object()}), "JSON"),
    ],
    ids=["raises", "long error", "unsendable error", "nan", "too large", "not JSON"],
)
def test_a_request_that_fails_is_answered_once_with_the_error(engine, says):
    processor = RealTimeRecommendationProcessor(engine)
    (response,) = run(processor, a_request())
    assert (response.request_id, response.recommendations, response.from_cache) == ("req-1", [], False)
    assert says in response.data["error"]
    assert StreamEvent.from_json(response.to_json()) == response
    assert processor.get_metrics() == {"requests_processed": 1, "recommendations_generated": 0, "errors": 1}
