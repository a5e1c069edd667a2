"""A stream is a bounded log; a subscription is a position in it that gets every event once, in order."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import UserInteractionEvent
from recsys_lab.streams import MAX_DEAD_LETTERS, EventStream, Subscription
from tests.builders import a_click


def click(number: int) -> UserInteractionEvent:
    """An event that a test can tell from the others: its item is the number."""
    return a_click("ann", str(number))


def numbers(events: list[Any]) -> list[int]:
    return [int(event.item_id) for event in events]


def publish(stream: EventStream, *which: int) -> None:
    for number in which:
        stream.publish(click(number))


def in_thread(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


# -- the log ----------------------------------------------------------------------------------------------------


def test_offsets_count_from_zero_and_the_oldest_event_goes_when_the_log_is_full():
    stream = EventStream("clicks", max_size=3)
    assert (len(stream), stream.first_offset, stream.next_offset) == (0, 0, 0)
    assert [stream.publish(click(number)) for number in range(5)] == [0, 1, 2, 3, 4]
    assert (len(stream), stream.first_offset, stream.next_offset) == (3, 2, 5)
    assert numbers(stream.get_recent_events()) == [2, 3, 4]


@pytest.mark.parametrize(("count", "expected"), [(0, []), (-1, []), (1, [4]), (2, [3, 4]), (100, [2, 3, 4])])
def test_recent_events_come_newest_last(count, expected):
    stream = EventStream("clicks", max_size=3)
    publish(stream, *range(5))
    assert numbers(stream.get_recent_events(count)) == expected


@pytest.mark.parametrize("thing", [None, {"event_type": "user_interaction"}, b"{}", "click", UserInteractionEvent])
def test_publishing_a_non_event_is_a_type_error_and_takes_no_offset(thing):
    stream = EventStream("clicks")
    with pytest.raises(TypeError, match="carries events"):
        stream.publish(thing)
    assert stream.publish(click(0)) == 0


@pytest.mark.parametrize("max_size", [0, -1, 2.5, "many", None])
def test_a_stream_that_could_hold_nothing_is_refused(max_size):
    with pytest.raises(ValueError, match="max_size"):
        EventStream("clicks", max_size)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"event_type": "party"}', b"\xff", "null"])
def test_refused_json_is_kept_as_it_came_and_the_stream_goes_on(raw):
    stream = EventStream("clicks")
    with pytest.raises(InvalidEvent):
        stream.publish_json(raw)
    assert stream.publish_json(click(7).to_json()) == 0
    assert numbers(stream.get_recent_events()) == [7]
    (letter,) = stream.dead_letters
    assert letter.event == raw
    assert isinstance(letter.error, InvalidEvent)


class LogAgainstAList(RuleBasedStateMachine):
    """Any sequence of calls, beside a list that forgets nothing."""

    subscriptions = Bundle("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self.max_size = 4
        self.stream = EventStream("clicks", self.max_size)
        self.all: list[int] = []
        self.expected: dict[Subscription, list[int]] = {}
        self.seen: dict[Subscription, list[int]] = {}
        self.start: dict[Subscription, int] = {}

    @rule(count=st.integers(1, 6))
    def publish(self, count: int) -> None:
        for _ in range(count):
            number = len(self.all)
            assert self.stream.publish(click(number)) == number
            self.all.append(number)
            for subscription in self.stream.subscriptions:
                self.expected[subscription].append(number)

    @rule(target=subscriptions, back=st.integers(0, 8), fails=st.booleans(), latest=st.booleans())
    def subscribe(self, back: int, fails: bool, latest: bool) -> Subscription:
        seen: list[int] = []

        def callback(event: UserInteractionEvent) -> None:
            seen.append(int(event.item_id))
            if fails:
                raise ValueError(event.item_id)

        start = len(self.all) if latest else max(0, len(self.all) - back)
        subscription = self.stream.subscribe(callback, from_offset=None if latest else start)
        self.seen[subscription], self.start[subscription] = seen, start
        self.expected[subscription] = self.all[max(start, len(self.all) - self.max_size) :]
        assert subscription.errors == (len(seen) if fails else 0)
        return subscription

    @rule(subscription=consumes(subscriptions))
    def close(self, subscription: Subscription) -> None:
        subscription.close()
        subscription.close()
        assert subscription not in self.stream.subscriptions

    @rule(count=st.integers(0, 9))
    def recent(self, count: int) -> None:
        held = self.all[-self.max_size :]
        assert numbers(self.stream.get_recent_events(count)) == held[max(0, len(held) - count) :]

    @rule(beyond=st.integers(1, 3))
    def subscribe_beyond_the_end(self, beyond: int) -> None:
        with pytest.raises(ValueError, match="from_offset"):
            self.stream.subscribe(print, from_offset=len(self.all) + beyond)

    @invariant()
    def agree(self) -> None:
        assert self.stream.next_offset == len(self.all)
        assert len(self.stream) == min(len(self.all), self.max_size)
        assert self.stream.first_offset == len(self.all) - len(self.stream)
        for subscription, seen in self.seen.items():
            assert seen == self.expected[subscription]
            assert subscription.delivered == len(seen)
            assert subscription.lag == 0
            assert subscription.position == self.start[subscription] + subscription.delivered + subscription.missed
            assert subscription.errors in (0, len(seen))


TestLogAgainstAList = LogAgainstAList.TestCase
TestLogAgainstAList.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


# -- callbacks of every kind ------------------------------------------------------------------------------------


class Recorder:
    """A callable object with a coroutine method."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, event: UserInteractionEvent) -> None:
        self.seen.append(int(event.item_id))

    async def method(self, event: UserInteractionEvent) -> None:
        await asyncio.sleep(0)
        self(event)


class CoroutineRecorder(Recorder):
    """A callable object whose call is a coroutine."""

    async def __call__(self, event: UserInteractionEvent) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.seen.append(int(event.item_id))


def into(seen: list[int], event: UserInteractionEvent) -> None:
    seen.append(int(event.item_id))


async def later_into(seen: list[int], event: UserInteractionEvent) -> None:
    await asyncio.sleep(0)
    seen.append(int(event.item_id))


def kinds_of_callback() -> dict[str, tuple[Any, list[int]]]:
    recorders = [Recorder(), Recorder(), CoroutineRecorder(), CoroutineRecorder()]
    plain, method, whole, wrapped = recorders
    seen: list[list[int]] = [[], [], []]
    return {
        "callable object": (plain, plain.seen),
        "coroutine method": (method.method, method.seen),
        "coroutine object": (whole, whole.seen),
        "partial of a coroutine object": (functools.partial(wrapped), wrapped.seen),
        "lambda": (lambda event: seen[0].append(int(event.item_id)), seen[0]),
        "partial": (functools.partial(into, seen[1]), seen[1]),
        "partial of a coroutine function": (functools.partial(later_into, seen[2]), seen[2]),
    }


@pytest.mark.parametrize("kind", list(kinds_of_callback()))
def test_every_kind_of_callback_gets_every_event_in_order(kind):
    callback, seen = kinds_of_callback()[kind]

    async def main() -> None:
        stream = EventStream("clicks")
        publish(stream, 0, 1)
        subscription = stream.subscribe(callback, from_offset=0)
        publish(stream, 2, 3)
        await stream.drain()
        assert seen == [0, 1, 2, 3]
        assert (subscription.delivered, subscription.errors, subscription.missed) == (4, 0, 0)

    asyncio.run(main())


def test_a_plain_callback_has_seen_the_event_when_publish_returns():
    stream, seen = EventStream("clicks"), []
    stream.subscribe(lambda event: seen.append(event.item_id))
    publish(stream, 1)
    assert seen == ["1"]


def test_a_lambda_that_gives_a_coroutine_is_an_error_that_says_what_to_do(recwarn):
    stream, seen = EventStream("clicks"), []
    subscription = stream.subscribe(lambda event: later_into(seen, event))
    publish(stream, 1)
    assert (subscription.delivered, subscription.errors, seen) == (1, 1, [])
    assert "subscribe the coroutine function itself" in str(stream.dead_letters[0].error)
    assert not recwarn.list


@pytest.mark.parametrize("callback", [None, "print", 3])
def test_what_cannot_be_called_cannot_subscribe(callback):
    with pytest.raises(TypeError, match="callback"):
        EventStream("clicks").subscribe(callback)


# -- failing callbacks ------------------------------------------------------------------------------------------


def test_a_failing_callback_is_counted_and_kept_and_nobody_stops():
    stream, seen = EventStream("clicks"), []

    def odd_ones_fail(event: UserInteractionEvent) -> None:
        if int(event.item_id) % 2:
            raise ValueError(f"{event.item_id} is odd")

    failing = stream.subscribe(odd_ones_fail)
    stream.subscribe(lambda event: seen.append(event.item_id))
    publish(stream, *range(6))
    assert (failing.delivered, failing.errors, failing.lag) == (6, 3, 0)
    assert seen == ["0", "1", "2", "3", "4", "5"]
    assert [(letter.event.item_id, str(letter.error), letter.subscription) for letter in stream.dead_letters] == [
        (odd, f"{odd} is odd", "odd_ones_fail") for odd in ("1", "3", "5")
    ]


def test_dead_letters_are_bounded_and_keep_the_latest():
    stream = EventStream("clicks", max_size=1)
    failing = stream.subscribe(lambda event: 1 / 0)
    publish(stream, *range(MAX_DEAD_LETTERS + 5))
    assert failing.errors == MAX_DEAD_LETTERS + 5
    assert len(stream.dead_letters) == MAX_DEAD_LETTERS
    assert stream.dead_letters[-1].event.item_id == str(MAX_DEAD_LETTERS + 4)


def test_a_failing_coroutine_is_counted_and_goes_on():
    async def main() -> None:
        stream = EventStream("clicks")

        async def fails(event: UserInteractionEvent) -> None:
            await asyncio.sleep(0)
            raise ValueError(event.item_id)

        failing = stream.subscribe(fails)
        publish(stream, 1, 2, 3)
        await stream.drain()
        assert (failing.delivered, failing.errors) == (3, 3)
        assert [str(letter.error) for letter in stream.dead_letters] == ["1", "2", "3"]

    asyncio.run(main())


def test_ctrl_c_in_a_callback_reaches_the_publisher_and_leaves_the_stream_whole():
    stream, seen = EventStream("clicks"), []

    def interrupted(event: UserInteractionEvent) -> None:
        if event.item_id == "1":
            raise KeyboardInterrupt

    first = stream.subscribe(interrupted)
    stream.subscribe(lambda event: seen.append(event.item_id))
    publish(stream, 0)
    with pytest.raises(KeyboardInterrupt):
        publish(stream, 1)
    assert (stream.next_offset, first.position, first.errors) == (2, 2, 1)
    publish(stream, 2)
    assert seen == ["0", "1", "2"]
    assert (first.delivered, first.lag) == (3, 0)


def test_a_cancellation_raised_by_a_plain_callback_is_an_error_like_any_other():
    """Nobody cancels a plain function: it asked a cancelled future for its result, say. The publisher goes on."""
    stream = EventStream("clicks")

    def asks_a_cancelled_future(event: UserInteractionEvent) -> None:
        raise asyncio.CancelledError

    subscription = stream.subscribe(asks_a_cancelled_future)
    publish(stream, 1, 2)
    assert (subscription.delivered, subscription.errors) == (2, 2)


@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 cannot tell who was cancelled; there the next publish goes on"
)
def test_a_coroutine_that_awaits_something_cancelled_is_counted_and_gets_the_next_event():
    async def main() -> None:
        stream, seen = EventStream("clicks"), []

        async def awaits_a_cancelled_future(event: UserInteractionEvent) -> None:
            seen.append(event.item_id)
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        subscription = stream.subscribe(awaits_a_cancelled_future)
        publish(stream, 1, 2)
        for _ in range(10):
            await asyncio.sleep(0)  # no drain, no further publish: it goes on by itself
        assert (seen, subscription.errors) == (["1", "2"], 2)

    asyncio.run(main())


# -- publishing from callbacks ----------------------------------------------------------------------------------


def test_what_a_callback_publishes_comes_after_all_have_seen_the_event_at_hand():
    stream, trace = EventStream("clicks"), []

    def echo(event: UserInteractionEvent) -> None:
        trace.append(("echo in", event.item_id))
        if int(event.item_id) < 10:
            publish(stream, int(event.item_id) * 10, int(event.item_id) * 10 + 1)
        trace.append(("echo out", event.item_id))

    stream.subscribe(echo)
    stream.subscribe(lambda event: trace.append(("other", event.item_id)))
    publish(stream, 1)
    assert trace == [
        *[("echo in", "1"), ("echo out", "1"), ("other", "1")],
        *[("echo in", "10"), ("echo out", "10"), ("echo in", "11"), ("echo out", "11")],
        *[("other", "10"), ("other", "11")],
    ]


def test_events_across_streams_are_delivered_breadth_first():
    first, second, third, trace = *(EventStream(name) for name in "abc"), []

    def fan_out(event: UserInteractionEvent) -> None:
        trace.append("a")
        publish(second, 1)
        publish(third, 2)

    def chain(event: UserInteractionEvent) -> None:
        trace.append("b")
        publish(third, 3)

    first.subscribe(fan_out)
    second.subscribe(chain)
    third.subscribe(lambda event: trace.append(f"c{event.item_id}"))
    publish(first, 0)
    assert trace == ["a", "b", "c2", "c3"]


def test_a_long_chain_of_callbacks_that_publish_needs_no_deep_recursion():
    stream = EventStream("clicks", max_size=2)

    def count_down(event: UserInteractionEvent) -> None:
        if int(event.item_id):
            publish(stream, int(event.item_id) - 1)

    subscription = stream.subscribe(count_down)
    publish(stream, 5_000)
    assert (subscription.delivered, subscription.errors) == (5_001, 0)


@pytest.mark.timeout(30)
def test_two_streams_that_feed_each_other_from_two_threads_do_not_lock_up():
    ping, pong = EventStream("ping"), EventStream("pong")

    def pass_on(to: EventStream, event: UserInteractionEvent) -> None:
        if int(event.item_id):
            publish(to, int(event.item_id) - 1)

    subscriptions = [ping.subscribe(functools.partial(pass_on, pong)), pong.subscribe(functools.partial(pass_on, ping))]
    threads = [in_thread(lambda s=s: publish(s, *[20] * 100)) for s in (ping, pong)]
    for thread in threads:
        thread.join()
    assert sum(s.delivered for s in subscriptions) == 2 * 100 * 21
    assert all(s.lag == 0 and s.errors == 0 for s in subscriptions)


def test_closing_inside_the_callback_finishes_the_event_at_hand_and_gets_no_more():
    stream, seen = EventStream("clicks"), []
    publish(stream, 0, 1, 2)

    def once(event: UserInteractionEvent) -> None:
        stream.subscriptions[0].close()
        seen.append(event.item_id)

    subscription = stream.subscribe(once, from_offset=0)
    publish(stream, 3)
    assert seen == ["0"]
    assert (subscription.position, subscription.lag, subscription.missed, stream.subscriptions) == (1, 0, 0, ())


def test_subscribing_inside_a_callback_reads_the_log_from_where_it_asks():
    stream, seen = EventStream("clicks"), []

    def subscribe_once(event: UserInteractionEvent) -> None:
        if event.item_id == "1":
            stream.subscribe(lambda event: seen.append(event.item_id), from_offset=0)

    stream.subscribe(subscribe_once)
    publish(stream, 0, 1, 2)
    assert seen == ["0", "1", "2"]


# -- positions, lag and what was missed -------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-1, 6, 2.0, "0"])
def test_an_offset_that_is_not_there_is_refused(offset):
    stream = EventStream("clicks", max_size=3)
    publish(stream, *range(5))
    with pytest.raises(ValueError, match="from_offset"):
        stream.subscribe(print, from_offset=offset)
    assert stream.subscriptions == ()


def test_what_fell_off_before_subscribing_counts_as_missed():
    stream, seen = EventStream("clicks", max_size=3), []
    publish(stream, *range(5))
    subscription = stream.subscribe(lambda event: seen.append(event.item_id), from_offset=1)
    assert (seen, subscription.missed, subscription.position) == (["2", "3", "4"], 1, 5)


def test_a_subscriber_more_than_max_size_behind_misses_exactly_what_fell_off():
    async def main() -> None:
        stream, seen, go_on = EventStream("clicks", max_size=10), [], asyncio.Event()

        async def waits(event: UserInteractionEvent) -> None:
            seen.append(int(event.item_id))
            await go_on.wait()

        subscription = stream.subscribe(waits)
        publish(stream, 0)
        await asyncio.sleep(0)
        publish(stream, *range(1, 11))  # as many as are held: none is missed yet
        assert (subscription.lag, subscription.missed) == (10, 0)
        publish(stream, *range(11, 25))
        assert (subscription.lag, subscription.missed, subscription.delivered) == (24, 14, 1)
        go_on.set()
        await stream.drain()
        assert seen == [0, *range(15, 25)]
        assert (subscription.lag, subscription.missed, subscription.delivered) == (0, 14, 11)

    asyncio.run(main())


def test_missed_stays_as_it_was_when_the_subscription_is_closed():
    async def main() -> None:
        stream = EventStream("clicks", max_size=2)
        subscription = stream.subscribe(later_into_nothing)
        publish(stream, *range(5))
        assert subscription.missed == 3
        subscription.close()
        publish(stream, *range(5))
        assert (subscription.missed, subscription.lag, subscription.delivered) == (3, 0, 0)

    asyncio.run(main())


async def later_into_nothing(event: UserInteractionEvent) -> None:
    await asyncio.sleep(0)
