"""What the stream processor sends: its settings, keys and places, and what it says when nothing can be sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from recsys_lab.errors import BrokerError, LabError
from recsys_lab.events import ItemUpdateEvent, UserProfileUpdateEvent
from recsys_lab.kafka import KafkaStreamProcessor
from tests.builders import a_click, clock_time
from tests.kafka.helpers import (
    USERS,
    a_processor,
    by_user,
    collector,
    copy,
    eventually,
    items,
    make_topic,
    produce,
    read,
    run,
    some_clicks,
)

pytestmark = pytest.mark.integration


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


def test_the_users_of_these_tests_lie_in_all_partitions(kafka, topic):
    with a_processor(kafka) as processor:
        places = produce(processor, topic, [a_click(user, "lamp") for user in USERS])
    assert {partition for partition, _ in places} == {0, 1, 2}


def test_an_event_without_a_key_is_refused_at_once_where_kafka_needs_one_and_the_others_arrive(kafka, topic):
    make_topic(kafka.bootstrap_servers, topic, config={"cleanup.policy": "compact"})
    nobody = UserProfileUpdateEvent(event_id="p-1", timestamp=clock_time("10:00"), profile={"a": 1})
    clicks = some_clicks(20)

    async def send(processor: KafkaStreamProcessor) -> list[Any]:
        sending = [processor.produce_event(topic, event) for event in (*clicks[:10], nobody, *clicks[10:])]
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        await processor.produce_event(topic, nobody, key="ann")
        return outcomes

    with a_processor(kafka) as processor:
        processor.setup_producer()
        first = processor.producer
        outcomes = asyncio.run(send(processor))
        assert processor.producer is first
    refused = outcomes.pop(10)
    assert isinstance(refused, BrokerError)
    assert f"{topic} is compacted" in str(refused)
    assert "p-1 has no key" in str(refused)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    kept = read(kafka.bootstrap_servers, topic)
    assert len(kept) == 21
    assert [record.key for record in kept if record.event == nobody] == [b"ann"]


@pytest.mark.parametrize("key", [7, ("ann",), True])
def test_a_key_that_is_no_text_is_refused(kafka, topic, key):
    with a_processor(kafka) as processor:
        processor.setup_producer()
        with pytest.raises(TypeError, match="key is"):
            asyncio.run(processor.produce_event(topic, a_click("ann", "lamp"), key=key))
