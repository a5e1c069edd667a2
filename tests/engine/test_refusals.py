"""What is refused, what is kept of it, and that the streams go on."""

from __future__ import annotations

from datetime import datetime

import pytest

from recsys_lab.errors import InvalidEvent
from tests.engine.shop import MINUTE, Engine, a_request, a_small_shop, responses, with_engine


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": None}, "user_id"),
        ({"item_id": ""}, "item_id"),
        ({"item_id": 7}, "item_id"),
        ({"interaction_type": None}, "interaction_type"),
        ({"interaction_value": float("nan")}, "interaction_value"),
        ({"interaction_value": float("inf")}, "interaction_value"),
        ({"interaction_value": "5"}, "interaction_value"),
        ({"context": "mobile"}, "context"),
        ({"context": {"at": object()}}, "context.at"),
        ({"context": {"note": "x" * 1_100_000}}, "event"),
        ({"timestamp": datetime(2026, 1, 1)}, "timestamp"),  # noqa: DTZ001
        ({"session_id": 3}, "session_id"),
    ],
)
def test_a_bad_interaction_is_refused_by_field_kept_and_the_stream_goes_on(fields, named):
    async def work(engine: Engine) -> None:
        good = {"user_id": "ann", "item_id": "lamp", "interaction_type": "click"}
        with pytest.raises(InvalidEvent, match=rf"^{named} is "):
            await engine.process_user_interaction(**{**good, **fields})
        stream = engine.event_streams["interactions"]
        (letter,) = stream.dead_letters
        assert isinstance(letter.error, InvalidEvent)
        assert letter.event["event_type"] == "user_interaction"
        assert all(letter.event[name] is value for name, value in fields.items())
        assert (stream.next_offset, engine.user_profiles) == (0, {})
        await engine.process_user_interaction(**good)
        assert engine.user_profiles["ann"].interaction_count == 1

    with_engine(work)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"user_id": 3}, "user_id"),
        ({"num_recommendations": 0}, "num_recommendations"),
        ({"num_recommendations": 1001}, "num_recommendations"),
        ({"num_recommendations": 2.5}, "num_recommendations"),
        ({"num_recommendations": True}, "num_recommendations"),
        ({"request_context": []}, "request_context"),
        ({"filters": "home"}, "filters"),
        ({"filters": {"price": 3}}, "filters.price"),
        ({"filters": {"category": 3}}, "filters.category"),
        ({"filters": {"include_seen": 1}}, "filters.include_seen"),
    ],
)
def test_a_bad_request_is_refused_by_field_kept_and_the_stream_goes_on(fields, named):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        await engine.get_recommendations("ann", filters={"include_seen": True})  # nor may the cache answer it
        with pytest.raises(InvalidEvent, match=rf"^{named} is "):
            await engine.get_recommendations(**{"user_id": "ann", **fields})
        (letter,) = engine.event_streams["requests"].dead_letters
        assert isinstance(letter.error, InvalidEvent)
        kept = letter.event if isinstance(letter.event, dict) else letter.event.to_dict()
        assert all(kept[name] == value for name, value in fields.items())
        assert await engine.get_recommendations("ann")

    with_engine(work)


def test_a_request_with_an_unknown_filter_gets_a_response_with_the_error():
    async def work(engine: Engine) -> None:
        engine.event_streams["requests"].publish(a_request(user_id="ann", filters={"price": 3}))
        (response,) = responses(engine)
        assert "filters.price" in response.data["error"]
        assert response.recommendations == []
        assert engine.event_streams["requests"].dead_letters[0].event.event_id == "req-1"
        assert engine.recommendation_cache.stats()["size"] == 0

    with_engine(work)


@pytest.mark.parametrize(
    "options", [{"history": 0}, {"exploration": 1.5}, {"cache_ttl": -MINUTE}, {"cache_entries": 0}, {"stream_size": 0}]
)
def test_an_engine_that_could_not_work_is_not_built(options):
    with pytest.raises(ValueError, match=" is "):
        Engine(**options)
