"""The stream processor on a real broker: what it sends, what it makes of what comes, and how it ends."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import psutil
import pytest

from recsys_lab.errors import BrokerError, InvalidEvent, LabError
from recsys_lab.events import ItemUpdateEvent, StreamEvent
from recsys_lab.kafka import KafkaStreamProcessor
from recsys_lab.kafka.producers import Producer
from recsys_lab.kafka.records import current_record
from tests.builders import a_click, clock_time
from tests.kafka.helpers import (
    USERS,
    a_processor,
    by_user,
    collector,
    committed,
    environment,
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

DELIVERIES = ["at-least-once", "at-most-once", "exactly-once"]
QUICK = {"retries": 2, "backoff": timedelta(milliseconds=1)}


async def copy(event: StreamEvent) -> StreamEvent:
    return event


def run(kafka: Any, topic: str, group: str, processor: Any, until: Any, **options: Any) -> dict[str, Any]:
    """Consume the topic until the condition holds; the metrics at the end."""
    output = options.pop("output_topic", None)
    with a_processor(kafka, **options) as running:
        running.setup_consumer(topic, group, processor, output_topic=output)
        running.start_consumers()
        eventually(until, "the records are consumed")
        running.stop()
        return running.metrics()


# -- producing ----------------------------------------------------------------------------------------------------


def test_the_producer_is_set_as_the_specification_says(kafka):
    with a_processor(kafka, timeout=timedelta(seconds=7)) as processor:
        processor.setup_producer()
        first = processor.producer
        processor.setup_producer()
        assert processor.producer is first
        settings = first.config
        assert settings["acks"] in ("all", -1)
        assert settings["retries"] >= 3
        assert settings["batch_size"] == 16384
        assert settings["linger_ms"] == 10
        assert settings["compression_type"] == "gzip"
        assert settings["enable_idempotence"] is True
        assert settings["delivery_timeout_ms"] == 7000


def test_what_it_writes_an_independent_client_reads(kafka, topic):
    update = ItemUpdateEvent(event_id="u-1", timestamp=clock_time("10:00"), item_id="lämp", features={"a": [1, None]})
    events = [*some_clicks(30), a_click("jürgen", "lamp"), update]
    with a_processor(kafka) as processor:
        places = produce(processor, topic, events)
    kept = {(record.partition, record.offset): record for record in read(kafka.bootstrap_servers, topic)}
    assert len(kept) == len(events)
    for place, event in zip(places, events, strict=True):
        assert kept[place].event == event
    assert kept[places[-2]].key == "jürgen".encode()
    assert kept[places[-1]].key == "lämp".encode()


def test_a_key_that_is_given_decides_the_partition(kafka, topic):
    async def work(processor: KafkaStreamProcessor) -> list[tuple[int, int]]:
        return [await processor.produce_event(topic, event, key="together") for event in some_clicks(10)]

    with a_processor(kafka) as processor:
        processor.setup_producer()
        places = asyncio.run(work(processor))
    assert len({partition for partition, _ in places}) == 1
    assert [offset for _, offset in places] == list(range(10))
    assert {record.key for record in read(kafka.bootstrap_servers, topic)} == {b"together"}


def test_events_sent_at_once_keep_the_order_of_their_user_even_to_a_new_topic(kafka, topic):
    events = some_clicks(200)
    with a_processor(kafka) as processor:
        produce(processor, topic, events)
    assert by_user(record.event for record in read(kafka.bootstrap_servers, topic)) == by_user(events)


def test_an_event_of_a_mebibyte_is_taken_and_read(kafka, topic, group):
    event = a_click("ann", "lamp", context={"text": "x" * (1_048_576 - 400)})
    assert 1_048_000 < len(event.to_json()) <= 1_048_576
    seen: list[Any] = []
    with a_processor(kafka) as processor:
        produce(processor, topic, [event])
    run(kafka, topic, group, collector(seen), lambda: seen)
    assert seen == [event]


def test_before_setup_and_after_stop_sending_says_what_to_call(kafka, topic):
    with a_processor(kafka) as processor:
        with pytest.raises(LabError, match="setup_producer"):
            asyncio.run(processor.produce_event(topic, a_click("ann", "lamp")))
        processor.setup_producer()
        with pytest.raises(TypeError, match="event is 'text'"):
            asyncio.run(processor.produce_event(topic, "text"))
        processor.stop()
        with pytest.raises(LabError, match="setup_producer"):
            asyncio.run(processor.produce_event(topic, a_click("ann", "lamp")))


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


def test_a_producer_that_has_lost_its_id_is_replaced_and_the_order_of_keys_kept(kafka, topic, group):
    events, seen = some_clicks(60), []
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.setup_consumer(f"{topic}-out", f"{group}-2", collector(seen))
        processor.start_consumers()
        for part in (events[:20], events[20:40], events[40:]):
            lost = processor.producer
            lost._transaction_manager.reset_producer_id()  # as kafka-python does after a record that it gave up
            produce(processor, topic, part)
            assert processor.producer is not lost
            assert not lost._sender.is_alive()
        eventually(lambda: len(set(items(seen))) == 60, "all are copied")
    assert by_user(record.event for record in read(kafka.bootstrap_servers, topic)) == by_user(events)
    assert by_user({event.event_id: event for event in seen}.values()) == by_user(events)


def test_a_topic_that_kafka_refuses_is_a_broker_error(kafka):
    with a_processor(kafka, timeout=timedelta(seconds=3)) as processor:
        processor.setup_producer()
        with pytest.raises(BrokerError, match=kafka.bootstrap_servers):
            asyncio.run(processor.produce_event("no such/topic", a_click("ann", "lamp")))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"delivery": "twice"}, "delivery is 'twice'"),
        ({"retries": -1}, "retries is -1"),
        ({"timeout": timedelta(milliseconds=99)}, "timeout is datetime.timedelta"),
    ],
)
def test_wrong_arguments_are_refused_by_name(wrong, named):
    with pytest.raises(InvalidEvent, match=named):
        KafkaStreamProcessor("127.0.0.1:1", **wrong)


# -- consuming ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["none", "gzip", "lz4"])
def test_what_an_independent_client_writes_it_reads_with_key_and_headers(kafka, topic, group, compression):
    events = some_clicks(20)
    make_topic(kafka.bootstrap_servers, topic)
    records = [(event.user_id, event.to_json(), [("trace", b"\x00\xff")]) for event in events]
    write(kafka.bootstrap_servers, topic, records, **{"compression.type": compression})
    seen, keys, headers = [], [], []

    async def remember(event: StreamEvent) -> None:
        seen.append(event)
        keys.append(current_record.get().key)
        headers.extend(current_record.get().headers)

    counted = run(kafka, topic, group, remember, lambda: len(seen) == 20)
    assert by_user(seen) == by_user(events)
    assert [key.decode() for key in keys] == [event.user_id for event in seen]
    assert set(headers) == {("trace", b"\x00\xff")}
    assert (counted["consumed"], counted["processed"]) == (20, 20)


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_new_group_starts_at_the_earliest_event_and_goes_on_where_it_stopped(kafka, topic, group, delivery):
    first, second = some_clicks(10), some_clicks(25)[10:]
    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, first)
    seen: list[Any] = []
    run(kafka, topic, group, collector(seen), lambda: len(seen) == 10, delivery=delivery)
    write_events(kafka.bootstrap_servers, topic, second)
    run(kafka, topic, group, collector(seen), lambda: len(seen) == 25, delivery=delivery)
    assert by_user(seen) == by_user([*first, *second])
    assert sum(committed(kafka.bootstrap_servers, group, topic).values()) >= 25


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_a_processor_returns_goes_to_the_output_topic_under_the_key_of_its_record(kafka, topic, group, delivery):
    events = some_clicks(9)

    async def by_number(event: Any) -> Any:
        number = int(event.item_id.removeprefix("item-"))
        return [None, event, [event, event]][number % 3]

    with a_processor(kafka, delivery=delivery) as processor:
        processor.setup_consumer(topic, group, by_number, output_topic=f"{topic}-out")
        processor.start_consumers()
        places = produce(processor, topic, events)
        eventually(lambda: len(read(kafka.bootstrap_servers, f"{topic}-out")) == 9, "nine events come out")
    out = read(kafka.bootstrap_servers, f"{topic}-out")
    assert sorted(items(record.event for record in out)) == sorted(
        ["item-1", "item-4", "item-7", *["item-2", "item-5", "item-8"] * 2]
    )
    where = {event.item_id: f"{topic}/{place[0]}/{place[1]}" for event, place in zip(events, places, strict=True)}
    for record in out:
        assert record.key == record.event.user_id.encode()
        assert record.headers["source"].decode() == where[record.event.item_id]


def test_tombstones_are_passed_over(kafka, topic, group):
    make_topic(kafka.bootstrap_servers, topic, 1)
    last = a_click("ann", "lamp")
    write(kafka.bootstrap_servers, topic, [("ann", None), ("bob", None), ("ann", last.to_json())])
    seen: list[Any] = []
    counted = run(kafka, topic, group, collector(seen), lambda: seen)
    assert seen == [last]
    assert counted["dead_lettered"] == 0
    assert committed(kafka.bootstrap_servers, group, topic, 1) == {0: 3}


def test_keys_keep_their_order_with_several_consumers_that_process_side_by_side(kafka, topic, group):
    events = some_clicks(140)
    seen: list[Any] = []

    async def at_its_own_pace(event: Any) -> None:
        await asyncio.sleep(0.001 * (int(event.item_id.removeprefix("item-")) % 3))
        seen.append(event)

    with a_processor(kafka, max_poll_records=10) as processor:
        for _ in range(4):  # one more than there are partitions
            processor.setup_consumer(topic, group, at_its_own_pace)
        processor.start_consumers()
        processor.wait_until_joined()
        produce(processor, topic, events)
        eventually(lambda: len(seen) >= 140, "all are processed")
        assert processor.metrics()["rebalances"] >= 3
    assert by_user(seen) == by_user(events)


def test_two_groups_read_the_same_topic_each_for_itself(kafka, topic, group):
    events, one, two = some_clicks(10), [], []
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, f"{group}-1", collector(one))
        processor.setup_consumer(topic, f"{group}-2", collector(two))
        processor.start_consumers()
        produce(processor, topic, events)
        eventually(lambda: len(one) == len(two) == 10, "both groups have read all")
    assert by_user(one) == by_user(two) == by_user(events)


# -- what cannot be read or processed -----------------------------------------------------------------------------

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


# -- membership ---------------------------------------------------------------------------------------------------


def test_a_member_whose_join_outlasts_its_polls_settles_all_the_same(kafka, topic, group, monkeypatch):
    monkeypatch.setattr("recsys_lab.kafka.worker.POLL_MS", 30)
    for number in range(8):
        with a_processor(kafka) as processor:
            for _ in range(3):
                processor.setup_consumer(f"{topic}-{number}", f"{group}-{number}", copy)
            processor.start_consumers()
            processor.wait_until_joined()
            eventually(lambda p=processor: _states(p) == ["<stable>"] * 3, "each member has settled", 30)
            eventually(lambda p=processor: len(p.metrics()["lag"]) == 3, "each partition is read", 30)


def _states(processor: KafkaStreamProcessor) -> list[str]:
    consumers = [worker._consumer for worker in processor._workers]
    return [str(consumer.group_metadata().state) for consumer in consumers if consumer is not None]


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_processor_slower_than_the_poll_interval_stays_a_member_and_doubles_nothing(kafka, topic, group, delivery):
    seen: list[Any] = []

    async def slow(event: StreamEvent) -> StreamEvent:
        seen.append(event)
        await asyncio.sleep(0.7)
        return event

    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, some_clicks(7))
    options = {"delivery": delivery, "max_poll_interval_ms": 1500, "session_timeout_ms": 1500}
    with a_processor(kafka, **options) as first, a_processor(kafka, **options) as second:
        for processor in (first, second):
            processor.setup_consumer(topic, group, slow, output_topic=f"{topic}-out")
            processor.start_consumers()
            processor.wait_until_joined()
        out = f"{topic}-out"
        eventually(lambda: len(read(kafka.bootstrap_servers, out)) >= 7, "all come out")
        anew = first.metrics()["begun_anew"] + second.metrics()["begun_anew"]
    assert anew == 0
    copied = [record.event for record in read(kafka.bootstrap_servers, out)]
    assert sorted(items(copied)) == sorted(items(some_clicks(7)))
    assert by_user(copied) == by_user(some_clicks(7))


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_members_that_come_and_go_while_others_process_lose_nothing_and_keep_the_order(kafka, topic, group, delivery):
    events = some_clicks(210)
    out = f"{topic}-out"

    async def steady(event: StreamEvent) -> StreamEvent:
        await asyncio.sleep(0.005)
        return event

    def a_member() -> KafkaStreamProcessor:
        member = KafkaStreamProcessor(kafka.bootstrap_servers, delivery=delivery, max_poll_records=8)
        member.setup_consumer(topic, group, steady, output_topic=out)
        member.start_consumers()
        return member

    make_topic(kafka.bootstrap_servers, topic)
    members = [a_member()]
    try:
        members[0].wait_until_joined()
        write_events(kafka.bootstrap_servers, topic, events[:100])
        members.append(a_member())
        members[1].wait_until_joined()
        members.append(a_member())
        members.pop(0).stop()
        write_events(kafka.bootstrap_servers, topic, events[100:])
        members.append(a_member())
        members.pop(0).stop()
        wanted = set(items(events))
        eventually(
            lambda: wanted <= set(items(record.event for record in read(kafka.bootstrap_servers, out))),
            "all come out",
        )
    finally:
        for member in members:
            member.stop()
    copied = [record.event for record in read(kafka.bootstrap_servers, out)]
    assert by_user({event.event_id: event for event in copied}.values()) == by_user(events)
    if delivery == "exactly-once":
        assert len(copied) == len(events)


MEMBER = """
import asyncio, sys, time
from recsys_lab.kafka import KafkaStreamProcessor
servers, delivery, topic, group = sys.argv[1:]
async def copy(event):
    await asyncio.sleep(0.02)
    print(event.item_id, flush=True)
    return event
processor = KafkaStreamProcessor(servers, delivery=delivery, session_timeout_ms=2000, max_poll_records=20)
processor.setup_consumer(topic, group, copy, output_topic=topic + "-out")
processor.start_consumers()
time.sleep(600)
"""


@pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
def test_a_member_that_is_killed_is_replaced_by_the_others_and_nothing_is_lost(kafka, topic, group, delivery):
    events = some_clicks(120)
    out = f"{topic}-out"
    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, events)
    killed = subprocess.Popen(
        [sys.executable, "-c", MEMBER, kafka.bootstrap_servers, delivery, topic, group],
        stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert killed.stdout is not None
    for _ in range(15):
        assert killed.stdout.readline()
    with a_processor(kafka, delivery=delivery, session_timeout_ms=2000, max_poll_records=20) as processor:
        processor.setup_consumer(topic, group, copy, output_topic=out)
        processor.start_consumers()
        killed.kill()
        killed.wait()
        wanted = set(items(events))
        eventually(
            lambda: wanted <= set(items(record.event for record in read(kafka.bootstrap_servers, out))),
            "all come out",
        )
    copied = [record.event for record in read(kafka.bootstrap_servers, out)]
    assert by_user({event.event_id: event for event in copied}.values()) == by_user(events)
    if delivery == "exactly-once":
        assert len(copied) == len(events)


# -- metrics, and the end -----------------------------------------------------------------------------------------


def test_the_lag_of_each_partition_is_counted_and_comes_down_to_nothing(kafka, topic, group):
    go_on = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def wait(event: StreamEvent) -> None:
        loops.append(asyncio.get_running_loop())
        await go_on.wait()

    make_topic(kafka.bootstrap_servers, topic, 1)
    write_events(kafka.bootstrap_servers, topic, [a_click("ann", f"item-{number}") for number in range(20)])
    with a_processor(kafka, max_poll_records=5) as processor:
        processor.setup_consumer(topic, group, wait)
        processor.start_consumers()
        eventually(lambda: processor.metrics()["lag"].get(f"{topic}-0") == 15, "fifteen wait")
        eventually(lambda: loops, "one is at work")
        loops[0].call_soon_threadsafe(go_on.set)
        eventually(lambda: processor.metrics()["lag"] == {f"{topic}-0": 0}, "nothing waits")
    assert processor.metrics()["lag"] == {}
    assert len(set(loops)) == 1


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_stop_in_the_middle_of_a_batch_finishes_and_commits_the_record_at_hand_and_no_other(
    kafka, topic, group, delivery
):
    at_hand = threading.Event()
    seen: list[Any] = []

    async def slow(event: StreamEvent) -> StreamEvent:
        seen.append(event)
        at_hand.set()
        await asyncio.sleep(0.3)
        return event

    make_topic(kafka.bootstrap_servers, topic, 1)
    make_topic(kafka.bootstrap_servers, f"{topic}-out")
    clicks = [a_click("ann", f"item-{number}") for number in range(10)]
    write_events(kafka.bootstrap_servers, topic, clicks)
    before = set(threading.enumerate())
    with a_processor(kafka, delivery=delivery) as processor:
        processor.setup_consumer(topic, group, slow, output_topic=f"{topic}-out")
        processor.start_consumers()
        assert at_hand.wait(60)
        processor.stop()
        processor.stop()
        done = len(seen)
        assert set(threading.enumerate()) <= before
    assert 1 <= done < 10
    assert committed(kafka.bootstrap_servers, group, topic, 1) == {0: done}
    assert len(read(kafka.bootstrap_servers, f"{topic}-out")) == done
    run(kafka, topic, group, collector(seen), lambda: len(seen) == 10, delivery=delivery)
    assert seen == clicks


def test_a_processor_that_blocks_its_thread_for_good_does_not_hold_up_stop(kafka, topic, group, monkeypatch):
    monkeypatch.setattr("recsys_lab.kafka.processor.STOP_WITHIN", 0.2)
    monkeypatch.setattr("recsys_lab.kafka.event_loop.CLOSE_SECONDS", 0.2)
    at_hand, go_on = threading.Event(), threading.Event()

    async def blocks(event: StreamEvent) -> None:
        at_hand.set()
        go_on.wait(120)

    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, some_clicks(3))
    before = set(threading.enumerate())
    processor = KafkaStreamProcessor(kafka.bootstrap_servers, timeout=timedelta(seconds=1))
    processor.setup_consumer(topic, group, blocks)
    processor.start_consumers()
    assert at_hand.wait(60)
    stopping = threading.Thread(target=processor.stop, daemon=True)
    stopping.start()
    stopping.join(60)
    assert not stopping.is_alive()
    go_on.set()
    eventually(lambda: _consumers() <= before, "the consumer ends when it can")


def _consumers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith(("group-", "kafka-io-group-"))}


def test_a_stopped_processor_can_be_started_again(kafka, topic, group):
    seen: list[Any] = []
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, collector(seen))
        for number in range(2):
            processor.start_consumers()
            processor.start_consumers()
            produce(processor, topic, [a_click("ann", f"item-{number}")])
            eventually(lambda number=number: len(seen) == number + 1, "the event is processed")
            processor.stop()
    assert items(seen) == ["item-0", "item-1"]


def test_a_consumer_is_set_up_before_the_start(kafka, topic, group):
    with a_processor(kafka) as processor:
        processor.setup_consumer(topic, group, copy)
        processor.start_consumers()
        with pytest.raises(LabError, match=r"before start_consumers"):
            processor.setup_consumer(f"{topic}-2", group, copy)


def test_a_group_that_works_on_one_topic_is_refused_for_another(topic, group):
    processor = KafkaStreamProcessor("127.0.0.1:1")
    processor.setup_consumer(topic, group, copy)
    processor.setup_consumer(topic, group, copy)
    with pytest.raises(LabError, match="give 'another topic' another group"):
        processor.setup_consumer("another topic", group, copy)


def test_an_idle_processor_does_not_keep_the_processor_busy(kafka, topic, group):
    with a_processor(kafka) as processor:
        for _ in range(3):
            processor.setup_consumer(topic, group, copy, output_topic=f"{topic}-out")
        processor.start_consumers()
        processor.wait_until_joined()
        began, before = time.monotonic(), _seconds_of_threads()
        threading.Event().wait(3.0)
        wall, after = time.monotonic() - began, _seconds_of_threads()
    busy = {name: (seconds - before.get(name, 0.0)) / wall for name, seconds in after.items()}
    assert sum(busy.values()) < 0.3, f"shares of a processor core while nothing happens: {busy}"


def _seconds_of_threads() -> dict[str, float]:
    """Processor time by thread of this process."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    used = psutil.Process().threads()
    return {f"{names.get(one.id, 'unknown')} {one.id}": one.user_time + one.system_time for one in used}


def test_an_ordinary_life_with_a_broker_that_goes_away_prints_nothing(topic):
    code = """
import asyncio
from datetime import timedelta
from recsys_lab.errors import BrokerError
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from tests.builders import a_click
async def copy(event): return event
with LocalKafka() as kafka:
    for delivery in ("at-least-once", "exactly-once"):
        processor = KafkaStreamProcessor(kafka.bootstrap_servers, delivery=delivery, timeout=timedelta(seconds=2))
        processor.setup_consumer("clicks", delivery, copy, output_topic="copies")
        processor.start_consumers()
        asyncio.run(processor.produce_event("clicks", a_click("ann", "lamp")))
        kafka.kill()
        try:
            asyncio.run(processor.produce_event("clicks", a_click("ann", "lamp")))
        except BrokerError:
            pass
        kafka.restart()
        processor.stop()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=200)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_users_of_these_tests_lie_in_all_partitions(kafka, topic):
    with a_processor(kafka) as processor:
        places = produce(processor, topic, [a_click(user, "lamp") for user in USERS])
    assert {partition for partition, _ in places} == {0, 1, 2}
