"""RecommendationCache: what it serves, what it drops and why, against a naive model on a simulated clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import InvalidEvent
from recsys_lab.recommend.cache import RecommendationCache

MINUTE = timedelta(minutes=1)


def a_cache(**arguments: Any) -> tuple[RecommendationCache, SimulatedClock]:
    clock = SimulatedClock()
    return RecommendationCache(timer=clock.now, **arguments), clock


def put(cache: RecommendationCache, user_id: str, *items: str, n: int = 10) -> None:
    cache.put(user_id, n, {}, {}, items, items)


def get(cache: RecommendationCache, user_id: str, *, n: int = 10) -> tuple[Any, ...] | None:
    return cache.get(user_id, n, {}, {})


# -- what is found ------------------------------------------------------------------------------------


def test_an_answer_is_found_under_the_whole_of_its_key_only() -> None:
    cache, _ = a_cache()
    cache.put("ann", 10, {"device": "mobile"}, {"category": "light"}, ["lamp"], ["lamp"])

    assert cache.get("ann", 10, {"device": "mobile"}, {"category": "light"}) == ("lamp",)
    assert cache.get("bob", 10, {"device": "mobile"}, {"category": "light"}) is None
    assert cache.get("ann", 11, {"device": "mobile"}, {"category": "light"}) is None
    assert cache.get("ann", 10, {"device": "tablet"}, {"category": "light"}) is None
    assert cache.get("ann", 10, {"device": "mobile"}, {}) is None
    assert cache.get("ann", 10, {"category": "light"}, {"device": "mobile"}) is None


def test_the_order_of_keys_does_not_matter_but_the_order_of_a_list_does() -> None:
    cache, _ = a_cache()
    cache.put("ann", 10, {"a": 1, "b": {"c": 2, "d": [1, 2]}}, {}, ["lamp"], ["lamp"])

    assert cache.get("ann", 10, {"b": {"d": [1, 2], "c": 2}, "a": 1}, {}) == ("lamp",)
    assert cache.get("ann", 10, {"b": {"d": [2, 1], "c": 2}, "a": 1}, {}) is None


def test_an_answer_that_was_computed_earlier_expires_earlier() -> None:
    cache, clock = a_cache(ttl=5 * MINUTE)
    clock.advance(10 * MINUTE)
    cache.put("ann", 10, {}, {}, ["lamp"], ["lamp"], computed=clock.now() - 4 * MINUTE)
    put(cache, "bob", "desk")

    assert get(cache, "ann") == ("lamp",)
    clock.advance(MINUTE)
    assert get(cache, "ann") is None
    assert get(cache, "bob") == ("desk",)
    assert cache.miss_causes()["expired"] == 1


def test_an_answer_that_has_expired_already_takes_the_place_of_the_older_one_and_is_counted() -> None:
    cache, clock = a_cache(ttl=5 * MINUTE)
    put(cache, "ann", "lamp")
    clock.advance(MINUTE)
    cache.put("ann", 10, {}, {}, ["desk"], ["desk"], computed=clock.now() - 5 * MINUTE)

    assert get(cache, "ann") is None
    assert cache.stats() == {
        "hits": 0, "misses": 1, "expirations": 1, "invalidations": 0, "evictions": 0, "size": 0,
    }  # fmt: skip
    assert cache.invalidate_item("lamp") == cache.invalidate_item("desk") == 0


def test_a_time_to_live_beyond_the_calendar_is_for_good() -> None:
    cache, clock = a_cache(ttl=timedelta.max)
    put(cache, "ann", "lamp")
    clock.advance(timedelta(days=365_000))

    assert get(cache, "ann") == ("lamp",)


def test_an_empty_answer_is_an_answer() -> None:
    cache, _ = a_cache()
    put(cache, "ann")

    assert get(cache, "ann") == ()


def test_what_the_caller_does_to_its_list_afterwards_changes_nothing() -> None:
    cache, _ = a_cache()
    value, items = ["lamp"], ["lamp"]
    cache.put("ann", 10, {}, {}, value, items)
    value.append("desk")
    items.append("desk")

    assert get(cache, "ann") == ("lamp",)
    assert cache.invalidate_item("desk") == 0


def test_a_context_that_is_not_json_is_refused() -> None:
    cache, _ = a_cache()

    with pytest.raises(InvalidEvent, match=r"^context or filters is"):
        cache.get("ann", 10, {"device": object()}, {})


# -- what is dropped ----------------------------------------------------------------------------------


def test_an_answer_expires_at_exactly_its_time_to_live() -> None:
    cache, clock = a_cache(ttl=5 * MINUTE)
    put(cache, "ann", "lamp")

    clock.advance(5 * MINUTE - timedelta(microseconds=1))
    assert get(cache, "ann") == ("lamp",)
    clock.advance(timedelta(microseconds=1))
    assert get(cache, "ann") is None
    assert cache.stats()["expirations"] == 1


def test_being_served_does_not_make_an_answer_younger_but_being_stored_anew_does() -> None:
    cache, clock = a_cache(ttl=5 * MINUTE)
    put(cache, "ann", "lamp")
    put(cache, "bob", "lamp")

    clock.advance(4 * MINUTE)
    assert get(cache, "ann") is not None
    put(cache, "bob", "desk")
    clock.advance(4 * MINUTE)

    assert get(cache, "ann") is None
    assert get(cache, "bob") == ("desk",)


def test_an_interaction_drops_every_cached_answer_of_that_user() -> None:
    cache, _ = a_cache()
    put(cache, "ann", "lamp", n=5)
    put(cache, "ann", "lamp", n=10)
    put(cache, "bob", "lamp")

    assert cache.invalidate_user("ann") == 2
    assert cache.invalidate_user("ann") == 0
    assert [get(cache, "ann", n=5), get(cache, "ann"), get(cache, "bob")] == [None, None, ("lamp",)]


def test_an_item_update_drops_the_answers_that_contain_the_item() -> None:
    cache, _ = a_cache()
    put(cache, "ann", "lamp", "desk")
    put(cache, "bob", "desk")
    put(cache, "cat", "mug")

    assert cache.invalidate_item("desk") == 2
    assert [get(cache, user_id) for user_id in ("ann", "bob", "cat")] == [None, None, ("mug",)]


def test_an_answer_stored_anew_no_longer_depends_on_its_old_items() -> None:
    cache, _ = a_cache()
    put(cache, "ann", "lamp")
    put(cache, "ann", "desk")

    assert cache.invalidate_item("lamp") == 0
    assert get(cache, "ann") == ("desk",)


def test_a_full_cache_evicts_the_least_recently_used_answer() -> None:
    cache, _ = a_cache(max_entries=2)
    put(cache, "ann", "lamp")
    put(cache, "bob", "lamp")
    get(cache, "ann")
    put(cache, "cat", "lamp")

    assert [get(cache, user_id) for user_id in ("ann", "bob", "cat")] == [("lamp",), None, ("lamp",)]
    assert cache.stats()["evictions"] == 1


def test_clearing_counts_as_invalidation() -> None:
    cache, _ = a_cache()
    put(cache, "ann", "lamp")
    put(cache, "bob", "desk")
    cache.clear()

    assert len(cache) == 0
    assert cache.stats()["invalidations"] == 2
    assert cache.invalidate_item("lamp") == 0


def test_a_time_to_live_of_zero_serves_nothing_twice() -> None:
    cache, _ = a_cache(ttl=timedelta(0))
    put(cache, "ann", "lamp")

    assert len(cache) == 0
    assert get(cache, "ann") is None


def test_a_timer_that_steps_back_is_waited_for() -> None:
    start = SimulatedClock().now()
    times = [start + 10 * MINUTE]
    cache = RecommendationCache(ttl=MINUTE, timer=lambda: times[-1])
    put(cache, "ann", "lamp")
    times.append(start)
    put(cache, "bob", "desk")
    times.append(start + 11 * MINUTE)

    assert get(cache, "ann") is get(cache, "bob") is None
    assert cache.stats()["expirations"] == 2


@pytest.mark.parametrize(
    ("field", "arguments"),
    [("ttl", {"ttl": timedelta(microseconds=-1)}), ("max_entries", {"max_entries": 0})],
)
def test_impossible_limits_are_refused(field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=rf"^{field} is"):
        a_cache(**arguments)


# -- what is counted ----------------------------------------------------------------------------------


def test_stats_are_six_numbers() -> None:
    cache, _ = a_cache()
    put(cache, "ann", "lamp")
    get(cache, "ann")
    get(cache, "bob")

    assert cache.stats() == {
        "hits": 1, "misses": 1, "expirations": 0, "invalidations": 0, "evictions": 0, "size": 1,
    }  # fmt: skip


def test_each_miss_has_its_cause() -> None:
    cache, clock = a_cache(ttl=5 * MINUTE, max_entries=2)
    get(cache, "ann")
    put(cache, "ann", "lamp")
    clock.advance(5 * MINUTE)
    get(cache, "ann")
    put(cache, "ann", "lamp")
    cache.invalidate_user("ann")
    get(cache, "ann")
    for user_id in ("ann", "bob", "cat"):
        put(cache, user_id, "lamp")
    get(cache, "ann")

    assert cache.miss_causes() == {"cold": 1, "expired": 1, "invalidated": 1, "evicted": 1}


def test_memory_stays_bounded_however_many_users_come_by() -> None:
    cache, clock = a_cache(max_entries=10)
    for number in range(1_000):
        put(cache, f"user{number}", f"item{number}", "lamp")
        if number % 3 == 0:
            cache.invalidate_user(f"user{number}")
        clock.advance(timedelta(seconds=40))

    held = [len(part) for part in vars(cache).values() if isinstance(part, dict)]
    assert max(held) <= 11


class Naive:
    """One list of answers, looked through from end to end for everything."""

    def __init__(self, ttl: timedelta, room: int, now: Callable[[], datetime]) -> None:
        self.ttl, self.room, self.now, self.uses = ttl, room, now, 0
        self.held: list[dict[str, Any]] = []
        self.gone: list[tuple[Any, str]] = []
        self.count: Counter[str] = Counter()

    def drop(self, entries: list[dict[str, Any]], why: str) -> int:
        for entry in entries:
            self.held.remove(entry)
            self.gone = [(key, cause) for key, cause in self.gone if key != entry["key"]]
            self.gone = [*self.gone, (entry["key"], why)][-self.room :]
            self.count[why] += 1
        return len(entries)

    def expire(self) -> None:
        self.drop([entry for entry in self.held if self.now() - entry["born"] >= self.ttl], "expired")

    def get(self, key: Any) -> Any:
        self.expire()
        self.uses += 1
        for entry in self.held:
            if entry["key"] == key:
                entry["used"] = self.uses
                self.count["hit"] += 1
                return entry["value"]
        self.count["miss " + dict(self.gone).get(key, "cold")] += 1
        return None

    def put(self, key: Any, value: Any) -> None:
        self.expire()
        self.uses += 1
        self.held = [entry for entry in self.held if entry["key"] != key]
        if len(self.held) == self.room:
            self.drop([min(self.held, key=lambda entry: entry["used"])], "evicted")
        self.held.append({"key": key, "value": value, "born": self.now(), "used": self.uses})
        self.gone = [(gone, why) for gone, why in self.gone if gone != key]


class CacheMachine(RuleBasedStateMachine):
    """Any calls, in any order, with time passing between them: the cache and the naive model agree."""

    users, items = st.sampled_from(["ann", "bob", "cat"]), st.sampled_from(["lamp", "desk", "mug", "bulb"])
    numbers = st.integers(1, 3)

    def __init__(self) -> None:
        super().__init__()
        self.clock = SimulatedClock()
        self.cache = RecommendationCache(3 * MINUTE, 4, timer=self.clock.now)
        self.naive = Naive(3 * MINUTE, 4, self.clock.now)

    @rule(user=users, n=numbers)
    def get(self, user: str, n: int) -> None:
        assert self.cache.get(user, n, {}, {}) == self.naive.get((user, n))

    @rule(user=users, n=numbers, value=st.lists(items, max_size=3))
    def put(self, user: str, n: int, value: list[str]) -> None:
        self.clock.advance(timedelta(microseconds=1))  # of two that expire together either may be forgotten first
        self.cache.put(user, n, {}, {}, value, value)
        self.naive.put((user, n), tuple(value))

    @rule(user=users)
    def invalidate_user(self, user: str) -> None:
        self.naive.expire()
        theirs = [entry for entry in self.naive.held if entry["key"][0] == user]
        assert self.cache.invalidate_user(user) == self.naive.drop(theirs, "invalidated")

    @rule(item=items)
    def invalidate_item(self, item: str) -> None:
        self.naive.expire()
        with_item = [entry for entry in self.naive.held if item in entry["value"]]
        assert self.cache.invalidate_item(item) == self.naive.drop(with_item, "invalidated")

    @rule(minutes=st.integers(1, 4))
    def wait(self, minutes: int) -> None:
        self.clock.advance(minutes * MINUTE)

    @precondition(lambda self: self.naive.held)
    @rule()
    def clear(self) -> None:
        self.naive.expire()
        self.cache.clear()
        self.naive.drop(list(self.naive.held), "invalidated")

    @invariant()
    def counters_agree(self) -> None:
        self.naive.expire()
        count = self.naive.count
        causes = {why: count["miss " + why] for why in ("cold", "expired", "invalidated", "evicted")}
        assert self.cache.stats() == {
            "hits": count["hit"],
            "misses": sum(causes.values()),
            "expirations": count["expired"],
            "invalidations": count["invalidated"],
            "evictions": count["evicted"],
            "size": len(self.naive.held),
        }
        assert self.cache.miss_causes() == causes
        assert len(self.cache) == len(self.naive.held)

    @invariant()
    def indexes_hold_what_the_cache_holds(self) -> None:
        self.naive.expire()
        assert len(self.cache) == sum(len(keys) for keys in self.cache._of_user.values())
        assert set(self.cache._with_item) == {item for entry in self.naive.held for item in entry["value"]}


TestCacheAgainstANaiveModel = CacheMachine.TestCase
TestCacheAgainstANaiveModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
