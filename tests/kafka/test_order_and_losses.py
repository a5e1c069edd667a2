"""What must not be lost, doubled or turned round when something fails, each at one weak spot."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from kafka.errors import InvalidRecordError, NotEnoughReplicasError
from kafka.structs import TopicPartition

from recsys_lab.errors import BrokerError
from recsys_lab.events import StreamEvent
from recsys_lab.kafka import Connection, KafkaStreamProcessor
from recsys_lab.kafka.producers import Producer
from recsys_lab.kafka.records import LONGEST_CUT
from tests.builders import a_click
from tests.kafka.helpers import (
    a_processor,
    by_user,
    collector,
    copy,
    eventually,
    items,
    make_topic,
    produce,
    read,
    some_clicks,
    write,
    write_events,
)

pytestmark = pytest.mark.integration


# -- sending ------------------------------------------------------------------------------------------------------


def test_records_behind_one_that_is_refused_for_good_are_given_up_with_it(kafka, topic):
    nowhere, elsewhere = TopicPartition(topic, 0), TopicPartition(topic, 1)  # nobody knows the topic: they wait
    producer = Producer(Connection(kafka.bootstrap_servers), 30.0)
    try:
        accumulator, full = producer._accumulator, b"x" * 16_000  # of a batch
        futures = [accumulator.append(nowhere, 0, b"ann", full, [])[0] for _ in range(3)]
        alone, *_ = accumulator.append(elsewhere, 0, b"bob", full, [])
        with accumulator._tp_lock(nowhere):
            first = accumulator._batches[nowhere].popleft()
            first.records.close()
        assert len(accumulator._batches[nowhere]) == 2
        first.attempts = producer.config["retries"]

        producer._sender._dispatch_error(first, NotEnoughReplicasError("one is missing"), None)

        for future in futures:
            with pytest.raises(NotEnoughReplicasError, match="one is missing"):
                future.get(1)
        assert not alone.is_done
        assert [batch.topic_partition for batch in accumulator._incomplete.all()] == [elsewhere]
    finally:
        producer.close()


def test_a_producer_that_met_a_fatal_error_is_replaced(kafka, topic, group):
    events, seen = some_clicks(40), []
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.setup_consumer(f"{topic}-out", f"{group}-2", collector(seen))
        processor.start_consumers()
        for part in (events[:20], events[20:]):
            ended = processor.producer
            ended._transaction_manager.transition_to_fatal_error(InvalidRecordError("a compacted topic, and no key"))
            produce(processor, topic, part)
            assert processor.producer is not ended
            assert not ended._sender.is_alive()
        eventually(lambda: len(set(items(seen))) == 40, "all are copied")
    assert by_user(record.event for record in read(kafka.bootstrap_servers, topic)) == by_user(events)


def test_no_producer_is_installed_after_stop(kafka, monkeypatch):
    making, go_on, made = threading.Event(), threading.Event(), []
    processor = KafkaStreamProcessor(kafka.bootstrap_servers)
    processor.setup_producer()
    processor.producer._transaction_manager.transition_to_fatal_error(InvalidRecordError("no key"))
    make = processor._make_producer

    def make_late(transactional_id: str | None) -> Producer:
        making.set()
        assert go_on.wait(60)
        made.append(make(transactional_id))
        return made[-1]

    monkeypatch.setattr(processor, "_make_producer", make_late)
    replacing = threading.Thread(target=processor._shared_producer)
    replacing.start()
    assert making.wait(60)
    stopping = threading.Thread(target=processor.stop)
    stopping.start()
    stopping.join(0.5)  # long enough to end, if it did not wait
    go_on.set()
    replacing.join(60)
    stopping.join(60)
    assert processor.producer is None
    assert [producer._sender.is_alive() for producer in made] == [False]


def test_who_waits_behind_an_event_that_cannot_be_sent_fails_with_it_instead_of_overtaking_it(
    kafka, topic, monkeypatch
):
    first, second = a_click("ann", "first"), a_click("ann", "second")
    with a_processor(kafka) as processor:
        processor.setup_producer()
        learn, calls = processor._learn, itertools.count()

        async def fail_once(name: str) -> Producer:
            if next(calls) == 0:
                await asyncio.sleep(0.2)
                raise NotEnoughReplicasError("one is missing")
            return await learn(name)

        monkeypatch.setattr(processor, "_learn", fail_once)

        async def send() -> list[Any]:
            sending = [processor.produce_event(topic, event) for event in (first, second)]
            outcomes = await asyncio.gather(*sending, return_exceptions=True)
            for event in (first, second):
                await processor.produce_event(topic, event)
            return outcomes

        for outcome in asyncio.run(send()):
            assert isinstance(outcome, BrokerError)
            assert "one is missing" in str(outcome)
    assert items(record.event for record in read(kafka.bootstrap_servers, topic)) == ["first", "second"]


def test_who_sends_while_others_wait_for_the_topic_to_be_known_does_not_overtake_them(kafka, topic, monkeypatch):
    """It may become known in the middle of a crowd."""
    make_topic(kafka.bootstrap_servers, topic)
    asked = itertools.count()
    events = some_clicks(300)
    with a_processor(kafka) as processor:
        processor.setup_producer()
        processor._ensure({topic})
        monkeypatch.setattr(Producer, "knows", lambda self, name: next(asked) >= 150)
        produce(processor, topic, events)
    assert by_user(record.event for record in read(kafka.bootstrap_servers, topic)) == by_user(events)


# -- consuming ----------------------------------------------------------------------------------------------------


def test_an_output_of_a_record_without_a_key_has_the_key_of_its_event(kafka, topic, group):
    make_topic(kafka.bootstrap_servers, topic)
    make_topic(kafka.bootstrap_servers, f"{topic}-out", config={"cleanup.policy": "compact"})
    write(kafka.bootstrap_servers, topic, [(None, a_click("ann", "lamp").to_json())])
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.start_consumers()
        kept = eventually(lambda: read(kafka.bootstrap_servers, f"{topic}-out"), "it is copied", 30)
    assert [record.key for record in kept] == [b"ann"]


def test_nothing_is_committed_in_the_name_of_no_member(kafka, topic, group, monkeypatch):
    """Kafka does not refuse it, though another member may have the partitions by then."""
    names, polls, commit = [], itertools.count(), Producer.send_offsets_to_transaction

    def note(producer: Producer, offsets: Any, membership: Any) -> None:
        names.append((membership.generation_id, membership.member_id))
        commit(producer, offsets, membership)

    def throw_out(step: str) -> None:
        if step == "polled" and next(polls) == 0:
            processor._workers[0]._consumer._coordinator.reset_generation()

    monkeypatch.setattr(Producer, "send_offsets_to_transaction", note)
    events = some_clicks(20)
    write_events(kafka.bootstrap_servers, topic, events[:10])
    with a_processor(kafka, delivery="exactly-once", observe=throw_out) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.start_consumers()
        eventually(lambda: len(read(kafka.bootstrap_servers, f"{topic}-out")) >= 10, "the first are copied")
        write_events(kafka.bootstrap_servers, topic, events[10:])
        eventually(lambda: len(read(kafka.bootstrap_servers, f"{topic}-out")) >= 20, "the others are copied")
    copies = items(record.event for record in read(kafka.bootstrap_servers, f"{topic}-out"))
    assert Counter(copies) == Counter(items(events))
    assert names
    assert all(generation >= 0 and member for generation, member in names)


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_record_too_large_for_its_dead_letter_is_cut_and_the_stream_goes_on(kafka, topic, group, delivery):
    large, seen = b"x" * 3_000_000, []
    good = a_click("ann", "lamp")
    make_topic(kafka.bootstrap_servers, topic, 1)
    options = {"compression.type": "gzip", "message.max.bytes": 4_000_000}
    write(kafka.bootstrap_servers, topic, [("ann", large), ("ann", good.to_json())], **options)
    with a_processor(kafka, delivery=delivery) as processor:
        processor.setup_consumer(topic, group, collector(seen))
        processor.start_consumers()
        eventually(lambda: read(kafka.bootstrap_servers, f"{topic}.dlq"), "it is set aside", 30)
        eventually(lambda: seen, "the good one is seen")
    (letter,) = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert seen == [good]
    assert letter.headers["size"] == b"3000000"
    assert letter.value == large[:LONGEST_CUT]


def test_an_output_too_large_to_be_sent_makes_its_record_a_dead_letter(kafka, topic, group):
    """An event has its limit; a key of somebody else's has not."""
    large, good = a_click("ann", "large"), a_click("ann", "lamp")
    make_topic(kafka.bootstrap_servers, topic, 1)
    options = {"compression.type": "gzip", "message.max.bytes": 4_000_000}
    write(kafka.bootstrap_servers, topic, [(b"k" * 2_500_000, large.to_json()), ("ann", good.to_json())], **options)
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.start_consumers()
        eventually(lambda: read(kafka.bootstrap_servers, f"{topic}-out"), "the other one is sent on", 30)
    (letter,) = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert letter.key is None
    assert letter.event == large
    assert letter.headers["exception"] == b"MessageSizeTooLargeError"
    assert "size" not in letter.headers
    assert [record.event for record in read(kafka.bootstrap_servers, f"{topic}-out")] == [good]


async def awaits_a_cancelled_task() -> None:
    task = asyncio.ensure_future(asyncio.sleep(60))
    task.cancel()
    await task


async def leaves() -> None:
    raise SystemExit(1)


async def is_interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fail", "named"),
    [(awaits_a_cancelled_task, b"CancelledError"), (leaves, b"SystemExit"), (is_interrupted, b"KeyboardInterrupt")],
    ids=["cancelled", "exit", "interrupt"],
)
def test_a_processor_that_is_cancelled_or_exits_has_failed_like_any_other(kafka, topic, group, fail, named):
    seen: list[StreamEvent] = []

    async def process(event: StreamEvent) -> None:
        if event.item_id == "bad":
            await fail()
        seen.append(event)

    write_events(
        kafka.bootstrap_servers, topic, [a_click("ann", "bad"), a_click("ann", "lamp"), a_click("bob", "sofa")]
    )
    with a_processor(kafka, retries=1, backoff=timedelta(milliseconds=1)) as processor:
        processor.setup_consumer(topic, group, process)
        processor.start_consumers()
        eventually(lambda: len(seen) == 2, "the others are seen", 30)
        eventually(lambda: read(kafka.bootstrap_servers, f"{topic}.dlq"), "it is set aside", 30)
        metrics = processor.metrics()
    (letter,) = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert letter.headers["exception"] == named
    assert metrics.get("begun_anew", 0) == 0
    assert metrics["failed"] == 2


def test_when_a_partition_fails_the_others_of_its_batch_do_not_go_on(kafka, topic, group):
    at_once, running, most = itertools.count(), Counter(), []

    async def slow(event: StreamEvent) -> None:
        running[event.item_id] += 1
        most.append(running[event.item_id])
        try:
            await asyncio.sleep(0.0 if event.user_id == "ann" else 0.5)
        finally:
            running[event.item_id] -= 1

    def fail_twice(step: str) -> None:
        if step == "record" and next(at_once) in (0, 1):
            raise RuntimeError("one partition fails")

    write_events(kafka.bootstrap_servers, topic, some_clicks(7))
    with a_processor(kafka, backoff=timedelta(milliseconds=1), observe=fail_twice) as processor:
        processor.setup_consumer(topic, group, slow)
        processor.start_consumers()
        eventually(lambda: processor.metrics()["processed"] >= 7, "all are processed in the end")
        assert processor.metrics()["dead_lettered"] == 0
    assert max(most) == 1
