"""What cannot be read or processed is tried again, set aside and counted; the stream goes on."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from recsys_lab.events import StreamEvent, UserProfileUpdateEvent
from tests.builders import a_click
from tests.kafka.helpers import (
    DELIVERIES,
    a_processor,
    collector,
    committed,
    copy,
    eventually,
    items,
    make_topic,
    produce,
    read,
    run,
    some_clicks,
    write,
    write_events,
)

pytestmark = pytest.mark.integration

QUICK = {"retries": 2, "backoff": timedelta(milliseconds=1)}


POISON = {
    "not JSON": b"\x00\xff{not json",
    "no event": b'{"a": 1}',
    "a list": b"[1, 2]",
    "an invalid event": a_click("ann", "lamp").to_json().replace(b'"lamp"', b"7"),
    "empty": b"",
}


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_cannot_be_read_goes_to_the_dead_letters_byte_for_byte_and_the_stream_goes_on(
    kafka, topic, group, delivery
):
    make_topic(kafka.bootstrap_servers, topic, 1)
    last = a_click("ann", "last")
    keys = [b"\xfe\xff", None, b"", b"key", b"k"]
    write(kafka.bootstrap_servers, topic, [*zip(keys, POISON.values(), strict=True), (b"ann", last.to_json())])
    seen: list[Any] = []
    counted = run(kafka, topic, group, collector(seen), lambda: seen, delivery=delivery)
    assert seen == [last]
    letters = sorted(read(kafka.bootstrap_servers, f"{topic}.dlq"), key=lambda letter: int(letter.headers["offset"]))
    assert [(letter.key, letter.value) for letter in letters] == list(zip(keys, POISON.values(), strict=True))
    for offset, letter in enumerate(letters):
        assert set(letter.headers) == {"error", "exception", "topic", "partition", "offset"}
        assert letter.headers["exception"] == b"InvalidEvent"
        assert letter.headers["topic"] == topic.encode()
        assert (letter.headers["partition"], letter.headers["offset"]) == (b"0", str(offset).encode())
        assert letter.headers["error"]
    assert (counted["dead_lettered"], counted["processed"], counted["retried"]) == (5, 1, 0)
    assert committed(kafka.bootstrap_servers, group, topic, 1)[0] >= 6


@pytest.mark.parametrize("failure", [ValueError("no such item"), TimeoutError("too slow"), asyncio.TimeoutError()])
def test_an_event_that_always_fails_is_tried_again_and_then_set_aside(kafka, topic, group, failure):
    tried: Counter[str] = Counter()
    times: list[float] = []

    async def fails_for_bob(event: Any) -> None:
        tried[event.user_id] += 1
        if event.user_id == "bob":
            times.append(time.monotonic())
            raise failure

    make_topic(kafka.bootstrap_servers, topic, 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", "1"), a_click("bob", "2"), a_click("cid", "3")])
    backoff = timedelta(milliseconds=40)
    counted = run(kafka, topic, group, fails_for_bob, lambda: tried["cid"], retries=3, backoff=backoff)
    assert tried == {"ann": 1, "bob": 4, "cid": 1}
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert [wait >= 0.9 * least for wait, least in zip(waits, [0.04, 0.08, 0.16], strict=True)] == [True] * 3
    (letter,) = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert letter.event.user_id == "bob"
    assert letter.headers["error"] == str(failure).encode()
    assert letter.headers["exception"] == type(failure).__name__.encode()
    wanted = {"consumed": 3, "processed": 2, "failed": 4, "retried": 3, "dead_lettered": 1, "begun_anew": 0}
    assert {name: counted[name] for name in wanted} == wanted


def test_an_event_that_fails_once_is_processed_in_the_end(kafka, topic, group):
    tried: Counter[str] = Counter()

    async def fails_at_first(event: Any) -> StreamEvent:
        tried[event.item_id] += 1
        if tried[event.item_id] == 1:
            raise ValueError("not yet")
        return event

    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, some_clicks(5))
    counted = run(
        kafka, topic, group, fails_at_first, lambda: sum(tried.values()) == 10, output_topic=f"{topic}-out", **QUICK
    )
    assert (counted["processed"], counted["failed"], counted["retried"], counted["dead_lettered"]) == (5, 5, 5, 0)
    assert len(read(kafka.bootstrap_servers, f"{topic}-out")) == 5


def test_a_record_handed_back_at_the_end_of_a_turn_is_counted_once(kafka, topic, group):
    async def fails_at_first(event: StreamEvent) -> None:
        if tried.setdefault(event.event_id, []) == []:
            tried[event.event_id].append(time.monotonic())
            raise ValueError("not yet")

    tried: dict[str, list[float]] = {}
    make_topic(kafka.bootstrap_servers, topic, 1)
    write_events(kafka.bootstrap_servers, topic, some_clicks(6))
    slow = timedelta(milliseconds=400)  # so that three records are longer than a turn
    with a_processor(kafka, backoff=slow) as processor:
        processor.setup_consumer(topic, group, fails_at_first)
        processor.start_consumers()
        eventually(lambda: processor.metrics()["processed"] == 6, "all are processed")
        assert processor.metrics()["consumed"] == 6


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_stop_waits_for_no_attempt_to_come_and_leaves_the_record_to_the_next(kafka, topic, group, delivery):
    failed = threading.Event()

    async def fails_for_bob(event: StreamEvent) -> StreamEvent:
        if event.user_id == "bob":
            failed.set()
            raise ValueError("never")
        return event

    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, f"{topic}-out", 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", "1"), a_click("bob", "2"), a_click("cid", "3")])
    with a_processor(kafka, delivery=delivery, retries=2_000, backoff=timedelta(seconds=20)) as processor:
        processor.setup_consumer(topic, group, fails_for_bob, output_topic=f"{topic}-out")
        processor.start_consumers()
        assert failed.wait(30)
        began = time.monotonic()
        processor.stop()
        assert time.monotonic() - began < 10  # half of the back-off
        assert processor.metrics()["dead_lettered"] == 0

    run(kafka, topic, group, copy, lambda: len(read(kafka.bootstrap_servers, f"{topic}-out")) == 3,
        delivery=delivery, output_topic=f"{topic}-out")  # fmt: skip
    assert [record.event.user_id for record in read(kafka.bootstrap_servers, f"{topic}-out")] == ["ann", "bob", "cid"]


def test_a_processor_that_returns_rubbish_is_a_failure_that_says_so(kafka, topic, group):
    async def rubbish(event: StreamEvent) -> Any:
        return {"not": "an event"}

    make_topic(kafka.bootstrap_servers, topic, 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", "lamp")])
    dead = f"{topic}.dlq"
    make_topic(kafka.bootstrap_servers, dead, 1)
    run(kafka, topic, group, rubbish, lambda: read(kafka.bootstrap_servers, dead), **QUICK)
    (letter,) = read(kafka.bootstrap_servers, dead)
    assert letter.headers["exception"] == b"TypeError"
    assert b"a processor returns an event" in letter.headers["error"]


def test_a_processor_that_is_no_coroutine_is_a_failure_not_the_end(kafka, topic, group):
    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, f"{topic}.dlq", 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", "lamp")])
    run(kafka, topic, group, lambda event: None, lambda: read(kafka.bootstrap_servers, f"{topic}.dlq"), **QUICK)


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("step", ["polled", "record", "processed", "sent", "committed"])
def test_an_error_in_observe_is_counted_and_the_consumer_begins_anew(kafka, topic, group, delivery, step):
    faults = iter([True])

    def fail_once(now: str) -> None:
        if now == step and next(faults, False):
            raise RuntimeError("the observer fails")

    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, some_clicks(6))
    later = a_click("ann", "later")
    with a_processor(kafka, delivery=delivery, observe=fail_once) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.start_consumers()
        eventually(lambda: processor.metrics()["begun_anew"] == 1, "the consumer begins anew")
        produce(processor, topic, [later])
        out = f"{topic}-out"
        eventually(
            lambda: "later" in items(record.event for record in read(kafka.bootstrap_servers, out)), "it goes on"
        )
    copied = items(record.event for record in read(kafka.bootstrap_servers, out))
    wanted = {*items(some_clicks(6)), "later"}
    if delivery != "at-most-once":
        assert set(copied) == wanted
    if delivery != "at-least-once":
        assert len(copied) == len(set(copied))


def test_prepare_is_awaited_before_each_batch_and_its_failure_is_not_the_end(kafka, topic, group):
    calls: list[str] = []

    async def prepare() -> None:
        calls.append("prepare")
        if len(calls) == 1:
            raise TimeoutError("not ready")

    async def note(event: Any) -> None:
        calls.append(event.item_id)

    make_topic(kafka.bootstrap_servers, topic, 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", "1"), a_click("ann", "2")])
    with a_processor(kafka, **QUICK) as processor:
        processor.setup_consumer(topic, group, note, prepare=prepare)
        processor.start_consumers()
        eventually(lambda: "2" in calls, "both are processed")
    assert calls[:2] == ["prepare", "prepare"]
    assert [call for call in calls if call != "prepare"] == ["1", "2"]


# -- what Kafka refuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_an_output_without_a_key_makes_its_record_a_dead_letter_where_kafka_needs_one(kafka, topic, group, delivery):
    async def profile(event: Any) -> StreamEvent:
        user_id = None if event.user_id == "bob" else event.user_id
        return UserProfileUpdateEvent(
            event_id=f"of {event.user_id}", timestamp=event.timestamp, user_id=user_id, profile={}
        )

    out = f"{topic}-out"
    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, out, config={"cleanup.policy": "compact"})
    write(kafka.bootstrap_servers, topic, [(None, a_click(user, "lamp").to_json()) for user in ("ann", "bob", "cid")])
    with a_processor(kafka, delivery=delivery) as processor:
        processor.setup_consumer(topic, group, profile, output_topic=out)
        processor.start_consumers()
        eventually(lambda: len(read(kafka.bootstrap_servers, out)) == 2, "the others are sent", 30)
        eventually(lambda: read(kafka.bootstrap_servers, f"{topic}.dlq"), "it is set aside", 30)
    (letter,) = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert letter.event.user_id == "bob"
    assert letter.headers["exception"] == b"InvalidEvent"
    assert f"{out} is compacted".encode() in letter.headers["error"]
    assert {record.key for record in read(kafka.bootstrap_servers, out)} == {b"ann", b"cid"}


def _noise(size: int) -> str:
    """Text that does not get smaller."""
    return random.Random(7).randbytes(size).hex()


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_an_output_that_its_topic_does_not_take_makes_its_record_a_dead_letter_and_the_others_are_sent(
    kafka, topic, group, delivery
):
    events = some_clicks(40)
    too_large = {"item-11", "item-12", "item-30"}

    async def grow(event: Any) -> StreamEvent:
        noise = _noise(20_000) if event.item_id in too_large else ""
        return a_click(event.user_id, event.item_id, context={"noise": noise})

    out = f"{topic}-out"
    make_topic(kafka.bootstrap_servers, topic)
    make_topic(kafka.bootstrap_servers, out, config={"max.message.bytes": "10000"})
    write_events(kafka.bootstrap_servers, topic, events)
    with a_processor(kafka, delivery=delivery, backoff=timedelta(milliseconds=1)) as processor:
        processor.setup_consumer(topic, group, grow, output_topic=out)
        processor.start_consumers()
        sent = set(items(events)) - too_large
        eventually(lambda: len(read(kafka.bootstrap_servers, f"{topic}.dlq")) >= 3, "three are set aside")
        eventually(
            lambda: sent <= set(items(record.event for record in read(kafka.bootstrap_servers, out))), "all others"
        )
        eventually(lambda: processor.metrics()["errors"] == {}, "the consumer is at work again")
        assert processor.metrics()["stopped"] == []
    letters = read(kafka.bootstrap_servers, f"{topic}.dlq")
    assert {letter.event.item_id for letter in letters} == too_large
    assert {letter.headers["exception"] for letter in letters} == {b"MessageSizeTooLargeError"}
    copied = [record.event for record in read(kafka.bootstrap_servers, out)]
    assert set(items(copied)) == sent
    if delivery == "exactly-once":
        assert len(copied) == len(sent)
        assert len(letters) == 3


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_consumer_whose_dead_letter_is_refused_stops_and_says_so_and_nothing_is_lost(kafka, topic, group, delivery):
    seen: list[Any] = []
    poison = _noise(1_000).encode()
    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, f"{topic}.dlq", 1, config={"max.message.bytes": "500"})
    first, last = a_click("ann", "first"), a_click("ann", "last")
    records = [("ann", first.to_json()), ("bob", poison), ("ann", last.to_json())]
    write(kafka.bootstrap_servers, topic, records)
    with a_processor(kafka, delivery=delivery, backoff=timedelta(milliseconds=1)) as processor:
        processor.setup_consumer(topic, group, collector(seen))
        processor.start_consumers()
        eventually(lambda: processor.metrics()["stopped"], "the consumer stops", 30)
        told = processor.metrics()
        assert told["stopped"] == [f"{group}-0"]
        assert f"{topic}-0 stands at offset 1" in told["errors"][f"{group}-0"]
        assert "MessageSizeTooLarge" in told["errors"][f"{group}-0"]
        assert committed(kafka.bootstrap_servers, group, topic, 1) == {0: 1}
        take_larger_records(kafka.bootstrap_servers, f"{topic}.dlq")
        processor.stop()
        processor.start_consumers()
        eventually(lambda: committed(kafka.bootstrap_servers, group, topic, 1) == {0: 3}, "it goes on with room", 30)
        assert processor.metrics()["stopped"] == []
    assert [letter.value for letter in read(kafka.bootstrap_servers, f"{topic}.dlq")] == [poison]
    assert {event.item_id for event in seen} == {"first", "last"}


def take_larger_records(servers: str, topic: str) -> None:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    resource.add_incremental_config(
        ConfigEntry("max.message.bytes", "100000", incremental_operation=AlterConfigOpType.SET)
    )
    admin = AdminClient({"bootstrap.servers": servers})
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(60)


def test_what_at_most_once_gives_up_is_counted(kafka, topic, group):
    async def grow(event: Any) -> StreamEvent:
        return a_click(event.user_id, event.item_id, context={"noise": _noise(20_000)})

    out = f"{topic}-out"
    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, out, config={"max.message.bytes": "10000"})
    write_events(kafka.bootstrap_servers, topic, some_clicks(3))
    with a_processor(kafka, delivery="at-most-once") as processor:
        processor.setup_consumer(topic, group, grow, output_topic=out)
        processor.start_consumers()
        eventually(lambda: processor.metrics()["lost"] == 3, "three are given up", 30)
    assert read(kafka.bootstrap_servers, out) == []
