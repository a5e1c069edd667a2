"""Coroutine callbacks run on an event loop: with none yet, with one, with several one after the other."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable

import pytest

from recsys_lab.errors import LabError
from recsys_lab.events import UserInteractionEvent
from recsys_lab.streams import EventStream
from tests.builders import a_click

Callback = Callable[[UserInteractionEvent], Awaitable[None]]


def publish(stream: EventStream, *which: int) -> None:
    for number in which:
        stream.publish(a_click("ann", str(number)))


def recorder(seen: list[int]) -> Callback:
    async def record(event: UserInteractionEvent) -> None:
        await asyncio.sleep(0)
        seen.append(int(event.item_id))

    return record


def test_a_subscription_made_with_no_loop_is_delivered_by_drain():
    stream, seen = EventStream("clicks"), []
    subscription = stream.subscribe(recorder(seen))
    publish(stream, 0, 1)
    assert (seen, subscription.lag) == ([], 2)
    asyncio.run(stream.drain())
    assert (seen, subscription.lag) == ([0, 1], 0)


def test_one_stream_outlives_several_loops():
    stream, seen = EventStream("clicks"), []

    async def main(*which: int) -> None:
        if not stream.subscriptions:
            stream.subscribe(recorder(seen))
        publish(stream, *which)
        await stream.drain()

    asyncio.run(main(0, 1))
    publish(stream, 2)  # between two loops
    asyncio.run(main(3))
    asyncio.run(main())
    assert seen == [0, 1, 2, 3]


def test_the_loop_ends_in_the_middle_of_an_event_and_the_next_loop_goes_on_after_it():
    stream, seen = EventStream("clicks"), []

    async def waits_at_one(event: UserInteractionEvent) -> None:
        if event.item_id == "1":
            await asyncio.Event().wait()
        seen.append(int(event.item_id))

    async def leave_early() -> None:
        stream.subscribe(waits_at_one)
        publish(stream, 0, 1, 2)
        await asyncio.sleep(0.01)

    asyncio.run(leave_early())
    (subscription,) = stream.subscriptions
    assert (seen, subscription.errors, subscription.lag) == ([0], 1, 1)
    assert isinstance(stream.dead_letters[0].error, asyncio.CancelledError)
    asyncio.run(stream.drain())
    assert (seen, subscription.delivered) == ([0, 2], 3)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_closed_without_a_word_in_the_middle_of_an_event_is_replaced():
    stream, seen = EventStream("clicks"), []

    async def waits_at_one(event: UserInteractionEvent) -> None:
        if event.item_id == "1":
            await asyncio.sleep(3600)
        seen.append(int(event.item_id))

    async def start() -> None:
        stream.subscribe(waits_at_one)
        publish(stream, 0, 1, 2)
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(start())
    loop.close()
    publish(stream, 3)  # with no loop at all
    asyncio.run(stream.drain())
    gc.collect()
    assert seen == [0, 2, 3]


def test_a_loop_that_pauses_in_the_middle_of_an_event_is_waited_for():
    """Another loop must not begin the next event while the first one's is half done."""
    stream, trace, gate = EventStream("clicks"), [], []

    async def two_steps(event: UserInteractionEvent) -> None:
        trace.append(f"begin {event.item_id}")
        await gate[0].wait()
        trace.append(f"end {event.item_id}")

    async def begin() -> None:
        gate.append(asyncio.Event())
        stream.subscribe(two_steps)
        publish(stream, 0)
        await asyncio.sleep(0)

    async def elsewhere() -> None:
        publish(stream, 1)
        await asyncio.sleep(0.01)

    async def end() -> None:
        gate[0].set()
        await stream.drain()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    asyncio.run(elsewhere())
    loop.run_until_complete(end())
    loop.close()
    assert trace == ["begin 0", "end 0", "begin 1", "end 1"]


def test_a_callback_runs_on_the_loop_that_subscribed_whoever_publishes_first():
    async def main() -> None:
        stream, ran_on = EventStream("clicks"), []

        async def where(event: UserInteractionEvent) -> None:
            ran_on.append(asyncio.get_running_loop())

        async def elsewhere() -> None:
            publish(stream, 1)
            await asyncio.sleep(0.01)

        stream.subscribe(where)
        thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
        thread.start()
        await asyncio.to_thread(thread.join)
        await stream.drain()
        assert ran_on == [asyncio.get_running_loop()]

    asyncio.run(main())


@pytest.mark.timeout(60)
def test_loops_that_compete_for_a_subscription_never_run_it_twice_at_a_time():
    for _ in range(20):
        stream, seen, at_work, overlaps = EventStream("clicks"), [], [], []

        async def record(event: UserInteractionEvent, seen=seen, at_work=at_work, overlaps=overlaps) -> None:
            at_work.append(event)
            overlaps.append(len(at_work))
            await asyncio.sleep(0)
            seen.append(event.event_id)
            at_work.pop()

        stream.subscribe(record)
        together = threading.Barrier(4)

        async def publisher(stream=stream, together=together) -> None:
            together.wait()
            publish(stream, *range(5))
            while stream.next_offset < 20:  # a loop that ended now would interrupt the event at hand
                await asyncio.sleep(0.001)
            await stream.drain()

        threads = [threading.Thread(target=asyncio.run, args=(publisher(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [event.event_id for event in stream.get_recent_events()]
        assert set(overlaps) == {1}


def test_a_busy_subscription_leaves_turns_to_the_others():
    """A callback that never waits must not hold the loop until the whole log is read."""

    async def main() -> None:
        stream, seen = EventStream("clicks"), []

        async def never_waits(event: UserInteractionEvent) -> None:
            seen.append(event)

        stream.subscribe(never_waits)
        publish(stream, *range(5_000))
        for _ in range(3):
            await asyncio.sleep(0)
        assert 0 < len(seen) < 5_000
        await stream.drain()
        assert len(seen) == 5_000

    asyncio.run(main())


def test_one_subscription_handles_one_event_at_a_time_and_different_ones_run_side_by_side():
    async def main() -> None:
        stream, trace = EventStream("clicks"), []

        def two_steps(name: str) -> Callback:
            async def step(event: UserInteractionEvent) -> None:
                trace.append(f"{name}{event.item_id} begins")
                await asyncio.sleep(0)
                trace.append(f"{name}{event.item_id} ends")

            return step

        stream.subscribe(two_steps("a"))
        stream.subscribe(two_steps("b"))
        publish(stream, 0, 1)
        await stream.drain()
        for name in "ab":
            own = [line for line in trace if line.startswith(name)]
            assert own == [f"{name}{number} {verb}" for number in (0, 1) for verb in ("begins", "ends")]
        assert trace.index("b0 begins") < trace.index("a0 ends")

    asyncio.run(main())


# -- drain ------------------------------------------------------------------------------------------------------


def test_drain_of_a_stream_that_nobody_reads_returns_at_once():
    stream = EventStream("clicks")
    publish(stream, 1)
    asyncio.run(stream.drain())


def test_drain_waits_for_what_callbacks_publish_too():
    async def main() -> None:
        stream, seen = EventStream("clicks"), []

        async def count_down(event: UserInteractionEvent) -> None:
            await asyncio.sleep(0)
            seen.append(int(event.item_id))
            if int(event.item_id):
                publish(stream, int(event.item_id) - 1)

        stream.subscribe(count_down)
        publish(stream, 3)
        await stream.drain()
        assert seen == [3, 2, 1, 0]

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_drain_inside_a_coroutine_callback_is_refused_with_a_reason():
    async def main() -> None:
        stream = EventStream("clicks")

        async def drains(event: UserInteractionEvent) -> None:
            await stream.drain()

        subscription = stream.subscribe(drains)
        publish(stream, 1)
        await stream.drain()
        assert subscription.errors == 1
        assert isinstance(stream.dead_letters[0].error, LabError)
        assert "callback" in str(stream.dead_letters[0].error)

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_drain_inside_a_plain_callback_is_refused_with_a_reason():
    stream = EventStream("clicks")
    stream.subscribe(lambda event: asyncio.run(stream.drain()))
    publish(stream, 1)
    assert isinstance(stream.dead_letters[0].error, LabError)


@pytest.mark.timeout(20)
def test_drain_from_the_loop_of_another_thread_waits_for_the_callbacks_own_loop():
    async def main() -> None:
        stream, seen = EventStream("clicks"), []

        async def slow(event: UserInteractionEvent) -> None:
            await asyncio.sleep(0.001)
            seen.append(int(event.item_id))

        stream.subscribe(slow)

        async def elsewhere() -> list[int]:
            publish(stream, *range(10))
            await stream.drain()
            return list(seen)

        assert await asyncio.to_thread(asyncio.run, elsewhere()) == list(range(10))

    asyncio.run(main())


@pytest.mark.timeout(20)
def test_drain_waits_for_a_plain_callback_at_work_in_another_thread():
    stream, begun, go_on, done = EventStream("clicks"), threading.Event(), threading.Event(), []

    def slow(event: UserInteractionEvent) -> None:
        begun.set()
        go_on.wait()
        done.append(event)

    stream.subscribe(slow)
    thread = threading.Thread(target=publish, args=(stream, 1))
    thread.start()
    begun.wait()

    async def main() -> None:
        draining = asyncio.ensure_future(stream.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        go_on.set()
        await draining
        assert len(done) == 1

    asyncio.run(main())
    thread.join()


def test_a_drain_that_is_cancelled_cancels_no_delivery():
    async def main() -> None:
        stream, seen = EventStream("clicks"), []
        subscription = stream.subscribe(recorder(seen))
        publish(stream, 0, 1, 2)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.drain(), 0)
        await stream.drain()
        assert (seen, subscription.errors) == ([0, 1, 2], 0)

    asyncio.run(main())
