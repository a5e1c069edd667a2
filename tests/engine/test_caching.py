"""When an answer comes from the cache, and when it may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recsys_lab.clock import SimulatedClock
from tests.builders import clock_time
from tests.engine.shop import MINUTE, Engine, a_request, a_small_shop, items, responses, with_engine


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
