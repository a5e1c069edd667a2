"""The engine: what a call does, what it costs to be wrong, and what is there when it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from recsys_lab import profiles
from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import ItemUpdateEvent, RecommendationRequestEvent, StreamEvent, UserInteractionEvent
from recsys_lab.recommend.popularity import Popularity
from recsys_lab.recommend.user_neighbours import UserNeighbours
from tests.builders import a_click, clock_time

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


class Failing(Popularity):
    """Popularity that fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = ""

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        if self.fails == "observe":
            raise RuntimeError("no memory left")
        super().observe(user_id, item_id, weight, at)

    def recommend(self, user_id: str, n: int, **options: Any) -> list[tuple[str, float]]:
        if self.fails == "recommend":
            raise RuntimeError("model not loaded")
        found = super().recommend(user_id, n, **options)
        return [(item_id, float("nan")) for item_id, _ in found] if self.fails == "nan" else found


# -- read your writes -------------------------------------------------------------------------------------------


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


# -- one path ---------------------------------------------------------------------------------------------------


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


# -- the cache --------------------------------------------------------------------------------------------------


def test_the_cache_is_keyed_by_user_number_context_and_filters():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        await engine.get_recommendations("ann", 5, {"device": "mobile"}, filters={"category": []})
        await engine.get_recommendations("ann", 5, {"device": "mobile"}, filters={"category": []})
        await engine.get_recommendations("bob", 5, {"device": "mobile"}, filters={"category": []})
        await engine.get_recommendations("ann", 6, {"device": "mobile"}, filters={"category": []})
        await engine.get_recommendations("ann", 5, {"device": "tablet"}, filters={"category": []})
        await engine.get_recommendations("ann", 5, {"device": "mobile"}, filters={"include_seen": True})
        assert [response.from_cache for response in responses(engine)] == [False, True, False, False, False, False]
        assert engine.recommendation_cache.stats() == {
            "hits": 1,
            "misses": 5,
            "expirations": 0,
            "invalidations": 0,
            "evictions": 0,
            "size": 5,
        }

    with_engine(work)


def test_an_interaction_drops_every_cached_answer_of_that_user_and_of_nobody_else():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        for n in (1, 2, 3):
            await engine.get_recommendations("ann", n)
        await engine.get_recommendations("bob", 1)
        await engine.process_user_interaction("ann", "desk", "view")
        assert engine.recommendation_cache.stats()["size"] == 1
        for n in (1, 2, 3):
            await engine.get_recommendations("ann", n)
        await engine.get_recommendations("bob", 1)
        assert [response.from_cache for response in responses(engine)[4:]] == [False, False, False, True]

    with_engine(work)


def test_an_item_update_drops_the_answers_that_contain_the_item():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        assert "rug" in items(await engine.get_recommendations("ann"))
        assert "rug" not in items(await engine.get_recommendations("bob"))
        await engine.update_item("rug", {"category": "home"})
        assert engine.item_features["rug"] == {"category": "home"}
        await engine.get_recommendations("ann")
        await engine.get_recommendations("bob")
        assert [response.from_cache for response in responses(engine)] == [False, False, False, True]

    with_engine(work)


def test_an_answer_expires_at_five_minutes_sharp():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        first = await engine.get_recommendations("ann")
        engine.clock.advance(5 * MINUTE - timedelta(microseconds=1))
        assert await engine.get_recommendations("ann") == first
        engine.clock.advance(timedelta(microseconds=1))
        again = await engine.get_recommendations("ann")
        assert [response.from_cache for response in responses(engine)] == [False, True, False]
        assert again[0].timestamp == first[0].timestamp + 5 * MINUTE
        assert engine.recommendation_cache.stats()["expirations"] == 1

    with_engine(work)


def test_the_cache_is_bounded_and_counts_evictions():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        for n in (1, 2, 3):
            await engine.get_recommendations("ann", n)
        stats = engine.recommendation_cache.stats()
        assert (stats["size"], stats["evictions"]) == (2, 1)

    with_engine(work, cache_entries=2)


def test_a_ttl_of_zero_turns_the_cache_off():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        for _ in range(2):
            await engine.get_recommendations("ann")
        assert [response.from_cache for response in responses(engine)] == [False, False]

    with_engine(work, cache_ttl=timedelta(0))


def test_a_preview_is_what_would_be_computed_now_and_leaves_no_trace():
    async def work(engine):
        await a_small_shop(engine)
        cached = await engine.get_recommendations("ann")
        await engine.process_user_interaction("bob", "vase", "purchase")  # hers stays in the cache
        fresh, served = engine.preview("ann"), await engine.get_recommendations("ann")
        engine.recommendation_cache.clear()
        computed = await engine.get_recommendations("ann")
        return cached, fresh, served, computed

    cached, fresh, served, computed = with_engine(work, exploration=0.0)
    assert served == cached
    assert fresh == computed
    assert fresh != cached


def test_a_preview_counts_and_publishes_nothing():
    async def work(engine):
        await a_small_shop(engine)
        before = engine.recommendation_cache.stats(), len(responses(engine))
        engine.preview("ann")
        return before, (engine.recommendation_cache.stats(), len(responses(engine)))

    before, after = with_engine(work)
    assert after == before


def test_what_a_caller_does_to_its_list_changes_no_later_answer():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        first = await engine.get_recommendations("ann")
        expected = list(first)
        first.clear()
        assert await engine.get_recommendations("ann") == expected

    with_engine(work)


# -- whom it recommends what ------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["nobody", None])
def test_a_cold_or_unknown_user_gets_popular_items_best_first(user_id):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        assert items(await engine.get_recommendations(user_id)) == ["lamp", "desk", "rug", "vase"]

    with_engine(work, exploration=0.0)


def test_a_cold_user_gets_the_popular_items_of_a_large_catalogue():
    """The 50 candidates must not all look alike to the ranking."""

    async def work(engine: Engine) -> None:
        for number in range(60):
            for buyer in range(60 - number):
                await engine.process_user_interaction(f"buyer-{buyer}", f"item-{999 - number}", "purchase")
        assert items(await engine.get_recommendations("nobody", 5)) == [f"item-{999 - number}" for number in range(5)]

    with_engine(work, exploration=0.0)


def test_nothing_is_recommended_when_nothing_was_ever_seen():
    assert with_engine(lambda engine: engine.get_recommendations("ann", 1000)) == []


def test_a_recommendation_is_a_value_with_reasons_and_the_time_it_was_made():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        best = (await engine.get_recommendations("ann", 1))[0]
        assert 0.0 <= best.score <= 1.0
        assert best.reasons
        assert best.to_dict() == {
            "item_id": best.item_id,
            "score": best.score,
            "reasons": list(best.reasons),
            "timestamp": "2026-01-01T10:00:00+00:00",
        }

    with_engine(work)


def test_filters_leave_out_what_they_should():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        await engine.update_item("rug", {"category": ["home", "soft"]})
        await engine.update_item("vase", {"category": "home"})

        async def asked(**filters: Any) -> set[str]:
            return set(items(await engine.get_recommendations("ann", filters=filters)))

        assert await asked() == {"rug", "vase"}
        assert await asked(category="home") == {"rug", "vase"}
        assert await asked(category=["soft", "new"]) == {"rug"}
        assert await asked(category="car") == set()
        assert await asked(exclude_items=["rug", "never seen"]) == {"vase"}
        assert await asked(include_seen=True) == {"lamp", "desk", "rug", "vase"}
        assert await asked(include_seen=True, exclude_items=["lamp"], category="soft") == {"rug"}

    with_engine(work)


def test_a_rare_category_is_found_however_deep_it_lies():
    async def work(engine: Engine) -> None:
        for number in range(1000):
            await engine.process_user_interaction("bob", f"item-{number:04}", "purchase")
        for rare in ("rare-1", "rare-2"):
            await engine.process_user_interaction("cid", rare, "view")
            await engine.update_item(rare, {"category": "rare"})
        assert set(items(await engine.get_recommendations("ann", filters={"category": "rare"}))) == {"rare-1", "rare-2"}

    with_engine(work, recommender=Popularity())


def test_a_thousand_can_be_asked_for():
    async def work(engine: Engine) -> None:
        for number in range(1100):
            await engine.process_user_interaction("bob", f"item-{number:04}", "view")
        assert len(set(items(await engine.get_recommendations("ann", 1000)))) == 1000

    with_engine(work, recommender=Popularity())


# -- explain ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [None, filled_user_neighbours, Popularity])
@pytest.mark.parametrize("user_id", ["ann", "nobody", None])
@pytest.mark.parametrize("context", [{}, {"device": "mobile", "time_of_day": "evening"}])
def test_the_effects_of_an_explanation_add_up_to_the_score_that_was_given(make, user_id, context):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        for number in range(60):  # more than the candidates of one request
            await engine.process_user_interaction(f"user-{number % 7}", f"item-{number:03}", "click")
            engine.clock.advance(MINUTE)
        await engine.update_item("item-003", {"category": "home"})
        await engine.update_item("desk", {"category": "home"})
        for filters in ({}, {"include_seen": True}):
            given = await engine.get_recommendations(user_id, 200, context, filters=filters)
            assert len(given) == (62 if user_id == "ann" and not filters else 64)
            for recommendation in given[::6] if not filters else given:
                if filters and recommendation.item_id not in engine.user_profiles.get("ann", given).items:
                    continue
                effects = engine.explain(user_id, recommendation.item_id, context)
                assert sum(effect for _, effect in effects) == pytest.approx(recommendation.score, abs=1e-9)

    with_engine(work, recommender=make() if make else None)


@pytest.mark.parametrize(
    ("item_id", "context", "says"),
    [("never", {}, "item_id is 'never'"), ("lamp", "mobile", "request_context is 'mobile'")],
)
def test_what_cannot_be_explained_is_refused(item_id, context, says):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        with pytest.raises(InvalidEvent) as refused:
            engine.explain("ann", item_id, context)
        assert str(refused.value).startswith(says)

    with_engine(work)


# -- bad input --------------------------------------------------------------------------------------------------


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


# -- a recommender that fails -----------------------------------------------------------------------------------


def test_a_recommender_that_fails_to_learn_is_a_lab_error_and_the_engine_goes_on():
    async def work(engine: Engine) -> None:
        engine.recommender.fails = "observe"
        with pytest.raises(LabError, match="Failing failed: RuntimeError: no memory left") as failed:
            await engine.process_user_interaction("ann", "lamp", "click")
        assert isinstance(failed.value.__cause__, RuntimeError)
        assert (engine.user_profiles, engine.recent_interactions) == ({}, {})
        (letter,) = engine.event_streams["interactions"].dead_letters
        assert (letter.event.item_id, letter.subscription) == ("lamp", "engine")
        engine.recommender.fails = ""
        await engine.process_user_interaction("ann", "lamp", "click")
        assert items(await engine.get_recommendations("bob")) == ["lamp"]

    with_engine(work, recommender=Failing())


@pytest.mark.parametrize(("fails", "cause"), [("recommend", RuntimeError), ("nan", ValueError)])
def test_a_recommender_that_fails_to_answer_is_a_lab_error_and_nothing_is_cached(fails, cause):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        engine.recommender.fails = fails
        with pytest.raises(LabError, match="Failing failed") as failed:
            await engine.get_recommendations("ann")
        assert isinstance(failed.value.__cause__, cause)
        (response,) = responses(engine)
        assert response.recommendations == []
        assert str(failed.value.__cause__) in response.data["error"]
        assert engine.recommendation_cache.stats()["size"] == 0
        assert len(engine.event_streams["requests"].dead_letters) == 1
        with pytest.raises(LabError, match="Failing failed"):
            engine.explain("ann", "rug")
        engine.recommender.fails = ""
        assert set(items(await engine.get_recommendations("ann"))) == {"rug", "vase"}
        assert engine.processors["recommender"].get_metrics() == {
            "requests_processed": 2,
            "recommendations_generated": 2,
            "errors": 1,
        }

    with_engine(work, recommender=Failing())


# -- start and stop ---------------------------------------------------------------------------------------------


def test_calls_before_start_and_after_stop_are_lab_errors_that_leave_no_trace():
    async def refused(engine: Engine) -> None:
        with pytest.raises(LabError, match="not running"):
            await engine.process_user_interaction("ann", "lamp", "click")
        with pytest.raises(LabError, match="not running"):
            await engine.get_recommendations("ann")
        with pytest.raises(LabError, match="not running"):
            await engine.update_item("lamp", {})
        with pytest.raises(LabError, match="not running"):
            engine.explain("ann", "lamp")

    async def main() -> None:
        engine = Engine(clock=SimulatedClock())
        await refused(engine)
        async with engine:
            await a_small_shop(engine)
            assert all(processor.is_running for processor in engine.processors.values())
        await refused(engine)
        assert not any(processor.is_running for processor in engine.processors.values())
        assert [stream.next_offset for stream in engine.event_streams.values()] == [7, 0, 0]

    asyncio.run(main())


def test_a_stopped_engine_goes_on_where_it_had_stopped():
    async def main() -> None:
        engine = Engine(clock=SimulatedClock())
        engine.event_streams["interactions"].publish(a_click("ann", "lamp"))
        engine.event_streams["requests"].publish(a_request("before", user_id="bob"))
        for number in range(3):
            await engine.start()
            await engine.start()
            await engine.process_user_interaction("ann", "desk", "click")
            await engine.stop()
            await engine.stop()
            engine.event_streams["interactions"].publish(a_click("ann", "rug"))
            engine.event_streams["requests"].publish(a_request(f"while stopped {number}", user_id="bob"))
        assert engine.user_profiles["ann"].interaction_count == 1 + 3 + 2
        async with engine:
            assert engine.user_profiles["ann"].items == {"lamp": 1, "desk": 3, "rug": 3}
        assert [(response.request_id, "error" in response.data) for response in responses(engine)] == [
            *[("before", False), ("while stopped 0", False), ("while stopped 1", False), ("while stopped 2", False)]
        ]

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_a_call_that_cannot_be_answered_is_a_lab_error():
    """From a plain callback: what it publishes is delivered afterwards, so it can't wait for the answer."""

    async def work(engine: Engine) -> None:
        errors: list[Exception] = []

        def calls_back(event: UserInteractionEvent) -> None:
            subscription.close()
            for call in (engine.get_recommendations("ann"), engine.process_user_interaction("ann", "desk", "view")):
                try:
                    call.send(None)
                except Exception as error:
                    errors.append(error)

        subscription = engine.event_streams["interactions"].subscribe(calls_back)
        engine.event_streams["interactions"].publish(a_click("ann", "lamp"))
        assert [type(error) for error in errors] == [LabError, LabError]
        assert "callback" in str(errors[0])
        assert await engine.get_recommendations("bob")

    with_engine(work)


# -- a recommender that does not keep to the protocol -----------------------------------------------------------


class Careless(Popularity):
    """Repeats itself, and does not leave out what it was told to."""

    def recommend(self, user_id: str, n: int, **_: Any) -> list[tuple[str, float]]:
        return [("lamp", 1.0), ("desk", 0.9), ("desk", 0.8), ("mug", 0.7)][:n]


def test_not_even_a_careless_recommender_makes_the_engine_repeat_an_item_or_show_what_the_user_has() -> None:
    async def main() -> None:
        async with Engine(Careless(), clock=SimulatedClock(), exploration=0.0) as engine:
            await engine.process_user_interaction("ann", "lamp", "view")
            assert [shown.item_id for shown in await engine.get_recommendations("ann", 10)] == ["desk", "mug"]

    asyncio.run(main())


# -- answers from elsewhere ---------------------------------------------------------------------------


def test_an_adopted_answer_is_served_as_if_it_had_been_computed_here() -> None:
    async def work(one: Engine) -> Any:
        await a_small_shop(one)
        request = a_request(user_id="cid", num_recommendations=2, request_context={"device": "mobile"})
        one.event_streams["requests"].publish(request)
        computed = responses(one)[-1]
        async with Engine(clock=SimulatedClock(clock_time("10:01"))) as other:
            await a_small_shop(other)
            other.adopt_answer(request, computed)
            served = await other.get_recommendations("cid", 2, {"device": "mobile"})
            return computed, [item.to_dict() for item in served], responses(other)[-1].from_cache

    computed, served, from_cache = with_engine(work)

    assert served == computed.recommendations
    assert from_cache


def test_an_adopted_answer_grows_old_with_the_time_at_which_it_was_computed() -> None:
    async def work(one: Engine) -> Any:
        await a_small_shop(one)
        request = a_request(user_id="cid")
        one.event_streams["requests"].publish(request)
        async with Engine(clock=SimulatedClock(clock_time("10:05"))) as other:
            await a_small_shop(other)
            other.adopt_answer(request, responses(one)[-1])
            await other.get_recommendations("cid")
            return responses(other)[-1].from_cache

    assert with_engine(work) is False
