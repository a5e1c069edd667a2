"""What is there when a call returns, and the one path that every call and every published event takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recsys_lab import profiles
from recsys_lab.errors import InvalidEvent
from recsys_lab.events import ItemUpdateEvent, StreamEvent
from tests.builders import a_click, clock_time
from tests.engine.shop import Engine, a_request, a_small_shop, items, responses, with_engine


def test_when_an_interaction_returns_profile_recommender_history_and_cache_reflect_it():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        assert "rug" in items(await engine.get_recommendations("ann"))
        event = await engine.process_user_interaction("ann", "rug", "click", 2.0, {"device": "mobile"}, session_id="s")
        assert (event.user_id, event.item_id, event.interaction_value) == ("ann", "rug", 2.0)
        assert (event.timestamp, event.context, event.session_id) == (clock_time("10:00"), {"device": "mobile"}, "s")
        assert engine.user_profiles["ann"].items == {"lamp": 1, "desk": 1, "rug": 1}
        assert engine.recent_interactions["ann"][-1] is event
        assert engine.event_streams["interactions"].get_recent_events(1) == [event]
        assert items(await engine.get_recommendations("ann")) == ["vase"]
        assert engine.recommendation_cache.stats()["invalidations"] == 1

    with_engine(work)


def test_profiles_are_the_fold_over_the_interactions_with_item_features():
    async def work(engine: Engine) -> None:
        await engine.update_item("lamp", {"category": "home"})
        await engine.process_user_interaction("ann", "lamp", "purchase", 2.0)
        await engine.process_user_interaction("ann", "car", "view", timestamp=clock_time("08:00"))
        expected = profiles.new("ann")
        for event in engine.event_streams["interactions"].get_recent_events():
            category = "home" if event.item_id == "lamp" else None
            expected = profiles.update(expected, event, category=category)
        assert engine.user_profiles == {"ann": expected}
        assert expected.preferred_categories == {"home": 2.0}
        assert engine.processors["profile_updater"].get_user_profile("ann") == expected

    with_engine(work)


def test_the_last_interactions_of_each_user_are_kept():
    async def work(engine: Engine) -> None:
        for number in range(7):
            await engine.process_user_interaction("ann", f"item-{number}", "view")
        assert [event.item_id for event in engine.recent_interactions["ann"]] == ["item-4", "item-5", "item-6"]
        assert items(await engine.get_recommendations("ann")) == []  # the profile knows the older ones still

    with_engine(work, history=3)


def test_each_call_is_one_event_on_its_stream_and_each_request_one_response():
    async def work(engine: Engine) -> None:
        counts = dict.fromkeys(engine.event_streams, 0)

        def count(name: str) -> Callable[[StreamEvent], None]:
            return lambda event: counts.update({name: counts[name] + 1})

        for name, stream in engine.event_streams.items():
            stream.subscribe(count(name))
        await a_small_shop(engine)
        for _ in range(3):
            await engine.get_recommendations("ann")  # once computed, twice from the cache
        assert counts == {"interactions": 7, "requests": 3, "responses": 3}
        requests = engine.event_streams["requests"].get_recent_events()
        assert [response.request_id for response in responses(engine)] == [request.event_id for request in requests]
        assert [response.from_cache for response in responses(engine)] == [False, True, True]
        assert engine.processors["recommender"].get_metrics()["requests_processed"] == 3

    with_engine(work)


def test_a_request_published_directly_is_answered_once_and_shares_the_cache():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        engine.event_streams["requests"].publish(a_request(user_id="ann", session_id="s-1"))
        (response,) = responses(engine)
        assert (response.request_id, response.user_id, response.session_id) == ("req-1", "ann", "s-1")
        assert response.processing_time_ms == 0.0
        called = await engine.get_recommendations("ann")
        assert response.recommendations == [recommendation.to_dict() for recommendation in called]
        assert [each.from_cache for each in responses(engine)] == [False, True]

    with_engine(work)


def test_an_interaction_published_directly_is_learned_like_a_call():
    async def work(engine: Engine) -> None:
        engine.event_streams["interactions"].publish_json(a_click("ann", "lamp").to_json())
        assert engine.user_profiles["ann"].interaction_count == 1
        assert items(await engine.get_recommendations("bob")) == ["lamp"]

    with_engine(work)


@pytest.mark.parametrize("stream", ["interactions", "requests"])
def test_an_event_on_the_wrong_stream_becomes_a_dead_letter_and_the_stream_goes_on(stream):
    async def work(engine: Engine) -> None:
        engine.event_streams[stream].publish(
            ItemUpdateEvent(event_id="e", timestamp=clock_time("10:00"), item_id="lamp")
        )
        (letter,) = engine.event_streams[stream].dead_letters
        assert letter.event.event_id == "e"
        assert isinstance(letter.error, InvalidEvent)
        assert str(letter.error).startswith("event_type is 'item_update'")
        await a_small_shop(engine)
        assert await engine.get_recommendations("ann")

    with_engine(work)
