"""A million events from eight threads: nothing is lost or out of order that was not counted as missed."""

from __future__ import annotations

import asyncio
import threading
from array import array

import pytest

from recsys_lab.events import UserInteractionEvent
from recsys_lab.streams import MAX_DEAD_LETTERS, Callback, EventStream
from tests.builders import clock_time

THREADS = 8
EVENTS = 1_000_000
MAX_SIZE = 10_000
NOON = clock_time("12:00")


def event_of(publisher: int, number: int) -> UserInteractionEvent:
    return UserInteractionEvent(
        event_id=f"{publisher}-{number}",
        timestamp=NOON,
        user_id=f"user-{publisher}",
        item_id="lamp",
        interaction_type="click",
        interaction_value=float(number),
    )


class Reader:
    """Notes of each publisher the number it saw last, and whether one ever came twice, or too early."""

    def __init__(self) -> None:
        self.last = {f"user-{publisher}": -1.0 for publisher in range(THREADS)}
        self.count = 0
        self.out_of_order = 0
        self.at_once = 0
        self.most_at_once = 0

    def note(self, event: UserInteractionEvent) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if event.interaction_value <= self.last[event.user_id]:
            self.out_of_order += 1
        self.last[event.user_id] = event.interaction_value
        self.count += 1
        self.at_once -= 1

    def note_or_fail(self, event: UserInteractionEvent) -> None:
        self.note(event)
        if event.interaction_value % 100 == 0:
            raise ValueError(event.event_id)

    async def note_at_once(self, event: UserInteractionEvent) -> None:
        self.note(event)

    async def note_slowly(self, event: UserInteractionEvent) -> None:
        if event.interaction_value % 100 == 0:
            await asyncio.sleep(0.01)
        self.note(event)

    async def note_later_or_fail(self, event: UserInteractionEvent) -> None:
        await asyncio.sleep(0)
        self.note_or_fail(event)


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_million_events_from_eight_threads_are_all_accounted_for():
    stream = EventStream("clicks", MAX_SIZE)
    readers = {name: Reader() for name in ("plain", "failing", "coroutine", "slow", "failing coroutine")}
    offsets = [array("q") for _ in range(THREADS)]

    def publish_all(publisher: int) -> None:
        for number in range(EVENTS // THREADS):
            offsets[publisher].append(stream.publish(event_of(publisher, number)))

    async def main() -> None:
        callbacks: dict[str, Callback] = {
            "plain": readers["plain"].note,
            "failing": readers["failing"].note_or_fail,
            "coroutine": readers["coroutine"].note_at_once,
            "slow": readers["slow"].note_slowly,
            "failing coroutine": readers["failing coroutine"].note_later_or_fail,
        }
        subscriptions = {name: stream.subscribe(callback) for name, callback in callbacks.items()}
        threads = [threading.Thread(target=publish_all, args=(publisher,)) for publisher in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await stream.drain()

        for name, subscription in subscriptions.items():
            reader = readers[name]
            assert subscription.delivered + subscription.missed == EVENTS
            assert (reader.count, reader.out_of_order, reader.most_at_once) == (subscription.delivered, 0, 1)
        assert subscriptions["slow"].missed > 0
        assert subscriptions["plain"].missed == subscriptions["failing"].missed == 0
        assert subscriptions["failing"].errors == EVENTS // 100
        assert sum(subscriptions[name].errors for name in ("plain", "coroutine", "slow")) == 0

    asyncio.run(main())
    assert sorted(offset for each in offsets for offset in each) == list(range(EVENTS))
    assert all(list(each) == sorted(each) for each in offsets)
    assert (len(stream), stream.first_offset, stream.next_offset) == (MAX_SIZE, EVENTS - MAX_SIZE, EVENTS)
    assert len(stream.dead_letters) == MAX_DEAD_LETTERS
