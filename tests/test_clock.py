"""The simulated clock wakes sleepers in order and stands still otherwise; ids repeat from run to run."""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.clock import Clock, IdSource, SimulatedClock, SystemClock

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


def seconds_passed(clock: SimulatedClock) -> float:
    return (clock.now() - START).total_seconds()


async def turns(n: int = 5) -> None:
    for _ in range(n):
        await asyncio.sleep(0)


async def noted(clock: Clock, seconds: float, name: Any, woken: list[Any]) -> None:
    await clock.sleep(seconds)
    woken.append(name)


# -- the time ---------------------------------------------------------------------------------------------------


def test_it_starts_on_the_labs_first_day_and_stands_still() -> None:
    clock = SimulatedClock()
    assert clock.now() == clock.now() == START


def test_it_moves_by_durations_and_to_times_in_any_zone() -> None:
    clock = SimulatedClock()
    clock.advance(timedelta(minutes=5))
    clock.advance(timedelta(0))
    assert seconds_passed(clock) == 300
    clock.set(datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=2))))
    clock.set(clock.now())
    assert seconds_passed(clock) == 3600
    assert clock.now().tzinfo is timezone.utc


def test_a_pandas_time_becomes_a_plain_one() -> None:
    clock = SimulatedClock(pd.Timestamp("2026-01-01T01:00", tz="Europe/Berlin"))
    assert clock.now() == START
    clock.set(pd.Timestamp("2026-01-02", tz="UTC"))
    assert type(clock.now()) is datetime


def test_it_never_goes_backwards() -> None:
    clock = SimulatedClock()
    for attempt in (lambda: clock.set(START - SECOND), lambda: clock.advance(-SECOND)):
        with pytest.raises(ValueError, match=r"2025-12-31T23:59:59.*never goes backwards"):
            attempt()
    assert clock.now() == START


@pytest.mark.parametrize("time", [START.replace(tzinfo=None), "2026-01-01T00:00:00Z", None, 0, pd.NaT])
def test_what_is_no_time_with_an_offset_is_refused(time: Any) -> None:
    with pytest.raises(ValueError, match=r"^start is "):
        SimulatedClock(time)
    with pytest.raises(ValueError, match=r"^time is "):
        SimulatedClock().set(time)


def test_eight_threads_that_advance_it_lose_no_second() -> None:
    clock = SimulatedClock()
    interval = sys.getswitchinterval()

    def advance() -> None:
        for _ in range(500):
            clock.advance(SECOND)

    sys.setswitchinterval(1e-6)  # so that threads come in between
    try:
        in_eight_threads(advance)
    finally:
        sys.setswitchinterval(interval)
    assert seconds_passed(clock) == 8 * 500


# -- sleepers ---------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), max_size=12), st.lists(st.integers(0, 4), max_size=8))
def test_sleepers_wake_by_deadline_and_by_call_among_equals(naps: list[int], steps: list[int]) -> None:
    async def run() -> None:
        clock, woken = SimulatedClock(), list[tuple[int, int]]()
        tasks = [asyncio.create_task(noted(clock, nap, (nap, i), woken)) for i, nap in enumerate(naps)]
        await turns()
        due = sorted((nap, i) for i, nap in enumerate(naps))
        for step in steps:
            clock.advance(step * SECOND)
            await turns()
            assert woken == [sleeper for sleeper in due if sleeper[0] <= seconds_passed(clock)]
        await clock.run_until_idle()
        assert woken == due
        assert all(task.done() for task in tasks)

    asyncio.run(run())


def test_a_jump_past_several_deadlines_wakes_all_of_them_in_order() -> None:
    async def run() -> list[str]:
        clock, woken = SimulatedClock(), list[str]()
        naps = {"third": 30, "first": 10, "later": 61, "second": 20, "on the dot": 60}
        tasks = [asyncio.create_task(noted(clock, nap, name, woken)) for name, nap in naps.items()]
        await turns()
        clock.advance(timedelta(minutes=1))
        await turns()
        tasks[2].cancel()
        return woken

    assert asyncio.run(run()) == ["first", "second", "third", "on the dot"]


def test_a_cancelled_sleeper_is_forgotten_and_time_does_not_go_on_for_it() -> None:
    async def run() -> None:
        clock, woken = SimulatedClock(), list[str]()
        tasks = [asyncio.create_task(noted(clock, nap, name, woken)) for name, nap in (("a", 5), ("b", 5), ("c", 99))]
        await turns()
        tasks[0].cancel()
        tasks[2].cancel()
        await clock.run_until_idle()
        assert woken == ["b"]
        assert seconds_passed(clock) == 5
        assert [task.cancelled() for task in tasks] == [True, False, True]

    asyncio.run(run())


def test_a_sleeper_cancelled_in_the_moment_of_its_deadline_stays_cancelled() -> None:
    async def run() -> None:
        clock, woken = SimulatedClock(), list[str]()
        task = asyncio.create_task(noted(clock, 5, "a", woken))
        await turns()
        clock.advance(5 * SECOND)
        task.cancel()
        await turns()
        assert task.cancelled()
        assert woken == []

    asyncio.run(run())


@pytest.mark.parametrize("clock", [SimulatedClock(), SystemClock()])
@pytest.mark.parametrize("seconds", [0, 0.0, -0.0, -1, -1e-9, 1e-9])
def test_a_sleep_of_nothing_or_less_returns_after_one_turn(clock: Clock, seconds: float) -> None:
    async def run() -> None:
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "others first")
        await asyncio.wait_for(clock.sleep(seconds), timeout=5)
        assert order == ["others first"]

    asyncio.run(run())


@pytest.mark.parametrize("clock", [SimulatedClock(), SystemClock()])
@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 1e300, 1e12, np.float64("nan")])
def test_a_sleep_that_cannot_end_is_refused(clock: Clock, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^seconds is .*; a finite number"):
        asyncio.run(clock.sleep(seconds))


def test_a_refused_sleep_leaves_no_sleeper_behind() -> None:
    async def run() -> None:
        clock = SimulatedClock()
        with pytest.raises(ValueError, match="seconds"):
            await clock.sleep(math.nan)
        await clock.run_until_idle()
        assert clock.now() == START

    asyncio.run(run())


# -- run_until_idle ---------------------------------------------------------------------------------------------


def test_with_nobody_asleep_no_time_passes() -> None:
    clock = SimulatedClock()
    asyncio.run(clock.run_until_idle())
    assert clock.now() == START


def test_it_follows_tasks_that_sleep_again_and_tasks_they_start() -> None:
    async def run() -> list[tuple[str, float]]:
        clock, seen, tasks = SimulatedClock(), list[tuple[str, float]](), list[asyncio.Task[None]]()

        async def tick(name: str, every: float, times: int) -> None:
            for _ in range(times):
                await clock.sleep(every)
                seen.append((name, seconds_passed(clock)))
                if name == "parent":
                    tasks.append(asyncio.create_task(tick("child", 1, 1)))

        tasks.append(asyncio.create_task(tick("parent", 10, 2)))
        tasks.append(asyncio.create_task(tick("other", 7, 3)))
        await clock.run_until_idle()
        assert all(task.done() for task in tasks)
        return seen

    assert asyncio.run(run()) == [
        *(("other", 7), ("parent", 10), ("child", 11), ("other", 14), ("parent", 20), ("other", 21), ("child", 21))
    ]


@pytest.mark.parametrize("links", [1, 99, 100, 101, 1000])
def test_it_waits_for_chains_of_callbacks_before_the_next_jump(links: int) -> None:
    async def run() -> None:
        clock, ends = SimulatedClock(), list[float]()
        loop = asyncio.get_running_loop()

        def link(left: int) -> None:
            if left:
                loop.call_soon(link, left - 1)
            else:
                ends.append(seconds_passed(clock))

        async def starter() -> None:
            await clock.sleep(1)
            link(links)

        tasks = [asyncio.create_task(starter()), asyncio.create_task(clock.sleep(2))]
        await clock.run_until_idle()
        assert ends == [1]
        assert seconds_passed(clock) == 2
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_a_failing_task_stops_nobody() -> None:
    async def run() -> None:
        clock, woken = SimulatedClock(), list[str]()

        async def fail() -> None:
            await clock.sleep(1)
            raise RuntimeError("boom")

        failing = asyncio.create_task(fail())
        sleeper = asyncio.create_task(noted(clock, 2, "a", woken))
        await clock.run_until_idle()
        assert woken == ["a"]
        await sleeper
        with pytest.raises(RuntimeError, match="boom"):
            await failing

    asyncio.run(run())


def test_one_clock_serves_one_loop_after_another() -> None:
    clock, woken = SimulatedClock(), list[str]()

    async def leave_a_sleeper() -> None:
        asyncio.get_running_loop().create_task(noted(clock, 3600, "left behind", woken))
        await turns()

    async def sleep_shortly() -> None:
        task = asyncio.create_task(noted(clock, 60, "second run", woken))
        await clock.run_until_idle()
        await task

    asyncio.run(leave_a_sleeper())
    asyncio.run(sleep_shortly())
    assert woken == ["second run"]
    assert seconds_passed(clock) == 60


def test_a_sleeper_of_a_loop_that_was_closed_under_it_is_forgotten() -> None:
    clock = SimulatedClock()
    loop = asyncio.new_event_loop()
    sleeper = loop.create_task(clock.sleep(60))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.run(clock.run_until_idle())
    assert clock.now() == START
    clock.advance(timedelta(hours=1))
    assert not sleeper.done()
    sleeper._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_sleeper_on_the_loop_of_another_thread_is_woken() -> None:
    clock, asleep, woken = SimulatedClock(), threading.Event(), list[float]()

    async def sleep_twice() -> None:
        asyncio.get_running_loop().call_soon(asleep.set)
        await clock.sleep(60)
        woken.append(seconds_passed(clock))

    with ThreadPoolExecutor() as pool:
        other = pool.submit(asyncio.run, sleep_twice())
        assert asleep.wait(timeout=10)
        asyncio.run(clock.run_until_idle())
        other.result(timeout=10)
    assert woken == [60]


def test_threads_without_a_loop_may_turn_the_clock() -> None:
    async def run() -> list[int]:
        clock, woken = SimulatedClock(), list[int]()
        tasks = [asyncio.create_task(noted(clock, nap, nap, woken)) for nap in (3, 1, 2)]
        await turns()
        await asyncio.to_thread(clock.advance, 5 * SECOND)
        await asyncio.wait_for(asyncio.gather(*tasks), timeout=10)
        return woken

    assert asyncio.run(run()) == [1, 2, 3]


# -- the system's clock -----------------------------------------------------------------------------------------


def test_the_system_clock_tells_the_machines_time_in_utc_and_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    asyncio.run(clock.sleep(0.001))
    assert clock.now() >= before
    assert before.tzinfo is timezone.utc


# -- ids --------------------------------------------------------------------------------------------------------


def in_eight_threads(work: Callable[[], Any]) -> list[Any]:
    """What the eight gave back; they start together."""
    gate = threading.Barrier(8)

    def start() -> Any:
        gate.wait(timeout=10)
        return work()

    with ThreadPoolExecutor(8) as pool:
        return [done.result(timeout=30) for done in [pool.submit(start) for _ in range(8)]]


def test_ids_count_from_one_with_their_prefix() -> None:
    ids, others = IdSource(), IdSource(prefix="req")
    assert [ids(), ids(), others(), ids()] == ["evt-000001", "evt-000002", "req-000001", "evt-000003"]


@pytest.mark.parametrize("seed", [0, 1, 2**70])
def test_uuids_are_valid_version_4_and_the_same_for_the_same_seed(seed: int) -> None:
    ids = [make() for make in [IdSource(seed, kind="uuid")] for _ in range(100)]
    again = IdSource(seed, kind="uuid")
    assert ids == [again() for _ in range(100)]
    for text in ids:
        assert str(uuid.UUID(text)) == text
        assert uuid.UUID(text).version == 4
        assert uuid.UUID(text).variant == uuid.RFC_4122


def test_uuids_are_the_same_on_every_machine() -> None:
    assert IdSource(0, kind="uuid")() == "e3e70682-c209-4cac-a29f-6fbed82c07cd"


def test_two_seeds_give_different_uuids() -> None:
    one, two = IdSource(1, kind="uuid"), IdSource(2, kind="uuid")
    assert not {one() for _ in range(1000)} & {two() for _ in range(1000)}


def test_unique_ids_differ_from_those_of_every_other_source_whatever_the_seed() -> None:
    one, two = IdSource(0, kind="unique"), IdSource(0, kind="unique")
    assert not {one() for _ in range(1000)} & {two() for _ in range(1000)}


@pytest.mark.parametrize("kind", ["sequence", "uuid"])
def test_eight_threads_never_get_the_same_id(kind: Any) -> None:
    ids = IdSource(kind=kind)
    given_out = in_eight_threads(lambda: [ids() for _ in range(2000)])
    alone = IdSource(kind=kind)
    assert sorted(itertools.chain(*given_out)) == sorted(alone() for _ in range(16_000))


def test_an_unknown_kind_of_id_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^kind is 'random'"):
        IdSource(kind="random")  # type: ignore[arg-type]
