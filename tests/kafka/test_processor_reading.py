"""What the stream processor reads, from where, in which order, and what becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from recsys_lab.events import StreamEvent
from recsys_lab.kafka.records import current_record
from tests.builders import a_click
from tests.kafka.helpers import (
    DELIVERIES,
    a_processor,
    by_user,
    collector,
    committed,
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
