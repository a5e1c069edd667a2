"""A broker that goes away and comes back: calls fail in time, consumers go on by themselves, nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import psutil
import pytest

from recsys_lab.errors import BrokerError
from recsys_lab.events import StreamEvent
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from tests.builders import a_click
from tests.kafka.helpers import a_processor, by_user, collector, eventually, produce, read, some_clicks, write_events

pytestmark = pytest.mark.integration

SHORT = timedelta(seconds=2)


@pytest.fixture(scope="module")
def broken() -> Iterator[LocalKafka]:
    """A broker to kill; each test leaves it running."""
    with LocalKafka() as kafka:
        yield kafka


def ends_within(processor: KafkaStreamProcessor, seconds: float) -> None:
    """Stop it on a thread of its own, so that a `stop` that hangs fails the test instead of stopping it."""
    stopping = threading.Thread(target=processor.stop, daemon=True)
    stopping.start()
    stopping.join(seconds)
    assert not stopping.is_alive(), f"stop() did not return within {seconds:g} s"


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def connections(port: int) -> list[object]:
    return [
        connection
        for connection in psutil.Process().net_connections(kind="tcp")
        if connection.raddr and connection.raddr.port == port and connection.status != psutil.CONN_CLOSE_WAIT
    ]


@pytest.mark.parametrize("sent_before", [False, True], ids=["first event", "later event"])
def test_while_the_broker_is_away_sending_fails_within_the_timeout_and_afterwards_goes_on(broken, topic, sent_before):
    with a_processor(broken, timeout=SHORT) as processor:
        processor.setup_producer()
        if sent_before:
            produce(processor, topic, [a_click("ann", "before")])
        broken.kill()
        try:
            with pytest.raises(BrokerError, match=broken.bootstrap_servers):
                asyncio.run(asyncio.wait_for(processor.produce_event(topic, a_click("ann", "meanwhile")), 30))
        finally:
            broken.restart()
        numbers = itertools.count()
        eventually(lambda: is_sent(processor, topic, f"after-{next(numbers)}"), "the same processor sends again")
        produce(processor, topic, [a_click("ann", "at last")])
    items = [record.event.item_id for record in read(broken.bootstrap_servers, topic)]
    assert items[-1] == "at last"
    assert items.count("at last") == 1
    assert items.count("before") == sent_before


def is_sent(processor: KafkaStreamProcessor, topic: str, item_id: str) -> bool:
    try:
        produce(processor, topic, [a_click("ann", item_id)])
    except BrokerError:
        return False
    return True


def test_while_the_broker_is_away_the_event_loop_goes_on(broken, topic):
    turns = []

    async def work(processor: KafkaStreamProcessor) -> None:
        async def live() -> None:
            while True:
                turns.append(time.monotonic())
                await asyncio.sleep(0.02)

        living = asyncio.create_task(live())
        with pytest.raises(BrokerError):
            await asyncio.wait_for(processor.produce_event(topic, a_click("ann", "lamp")), 30)
        living.cancel()

    with a_processor(broken, timeout=timedelta(seconds=6)) as processor:
        processor.setup_producer()
        processor._ensure({topic})
        broken.kill()
        try:
            asyncio.run(work(processor))
        finally:
            broken.restart()
    longest = max(after - before for before, after in itertools.pairwise(turns))
    assert longest < 3.0, "the loop stood still while the producer waited for the broker"


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_consumers_go_on_by_themselves_and_nothing_acknowledged_is_lost(broken, topic, group, delivery):
    seen: list[StreamEvent] = []

    async def copy(event: StreamEvent) -> StreamEvent:
        seen.append(event)
        return event

    events = some_clicks(300)
    with a_processor(broken, delivery=delivery, timeout=timedelta(seconds=5)) as processor:
        for _ in range(2):
            processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-copies")
        processor.start_consumers()
        processor.wait_until_joined()
        produce(processor, topic, events[:100])
        eventually(lambda: len(seen) >= 10, "the first events are consumed")
        broken.kill()
        broken.restart()
        write_events(broken.bootstrap_servers, topic, events[100:])
        wanted = {event.item_id for event in events}
        eventually(
            lambda: wanted <= {record.event.item_id for record in read(broken.bootstrap_servers, f"{topic}-copies")},
            "all that was acknowledged is copied",
        )
    copies = [record.event for record in read(broken.bootstrap_servers, f"{topic}-copies")]
    firsts = list({event.event_id: event for event in copies}.values())
    assert by_user(firsts) == by_user(events)
    if delivery == "exactly-once":
        assert len(copies) == len(events)


@pytest.mark.parametrize("delivery", ["at-least-once", "at-most-once", "exactly-once"])
def test_stop_returns_in_bounded_time_though_the_broker_is_dead_and_leaves_nothing_running(
    broken, topic, group, delivery
):
    before = threads()
    seen: list[StreamEvent] = []
    processor = KafkaStreamProcessor(broken.bootstrap_servers, delivery=delivery, timeout=SHORT)
    processor.setup_consumer(topic, group, collector(seen), output_topic=f"{topic}-copies")
    processor.start_consumers()
    processor.wait_until_joined()
    produce(processor, topic, some_clicks(5))
    eventually(lambda: len(seen) == 5, "the events are consumed")
    broken.kill()
    try:
        ends_within(processor, 60)
        eventually(lambda: threads() <= before, f"threads that go on: {threads() - before}", 30)
        processor.stop()
    finally:
        broken.restart()


def test_stop_is_bounded_when_the_broker_dies_in_the_middle_of_a_transaction(broken, topic, group):
    before = threads()
    at_hand, go_on = threading.Event(), threading.Event()

    def die_before_the_commit(step: str) -> None:
        if step == "offsets sent":
            at_hand.set()
            go_on.wait(60)

    async def copy(event: StreamEvent) -> StreamEvent:
        return event

    processor = KafkaStreamProcessor(
        broken.bootstrap_servers, delivery="exactly-once", timeout=SHORT, observe=die_before_the_commit
    )
    processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-copies")
    processor.start_consumers()
    processor.wait_until_joined()
    write_events(broken.bootstrap_servers, topic, some_clicks(5))
    assert at_hand.wait(60)
    broken.kill()
    go_on.set()
    try:
        ends_within(processor, 90)
        eventually(lambda: threads() <= before, f"threads that go on: {threads() - before}", 30)
    finally:
        broken.restart()
    assert read(broken.bootstrap_servers, f"{topic}-copies") == []


def test_stop_is_bounded_while_events_wait_for_a_dead_broker(broken, topic):
    before = threads()

    async def work() -> None:
        processor = KafkaStreamProcessor(broken.bootstrap_servers, timeout=timedelta(seconds=5))
        processor.setup_producer()
        await processor.produce_event(topic, a_click("ann", "lamp"))
        broken.kill()
        sending = [asyncio.create_task(processor.produce_event(topic, click)) for click in some_clicks(5)]
        await asyncio.sleep(0.1)
        await asyncio.get_running_loop().run_in_executor(None, ends_within, processor, 60)
        for outcome in await asyncio.wait_for(asyncio.gather(*sending, return_exceptions=True), 60):
            assert isinstance(outcome, BrokerError)

    try:
        asyncio.run(work())
        eventually(lambda: threads() <= before, f"threads that go on: {threads() - before}", 30)
    finally:
        broken.restart()
