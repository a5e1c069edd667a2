"""Members of a group that join, take long, leave or die: nothing is lost, and the order of keys is kept."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from recsys_lab.errors import LabError
from recsys_lab.events import StreamEvent
from recsys_lab.kafka import KafkaStreamProcessor
from tests.kafka.helpers import (
    a_processor,
    by_user,
    copy,
    environment,
    eventually,
    items,
    make_topic,
    read,
    some_clicks,
    write_events,
)

pytestmark = pytest.mark.integration


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


def test_a_join_in_the_middle_of_a_record_longer_than_the_poll_interval_repeats_it_once(kafka, topic, group):
    """A join that is only begun between two polls of a busy member would throw it out, and its records with it."""
    seen: Counter[str] = Counter()

    async def very_slow(event: StreamEvent) -> None:
        seen[event.event_id] += 1
        await asyncio.sleep(3)

    make_topic(kafka.bootstrap_servers, topic)
    write_events(kafka.bootstrap_servers, topic, some_clicks(7))
    options = {"max_poll_interval_ms": 2000, "session_timeout_ms": 2000}
    with a_processor(kafka, **options) as first, a_processor(kafka, **options) as second:
        members = (first, second)
        for processor in members:
            processor.setup_consumer(topic, group, very_slow)
        first.start_consumers()
        eventually(lambda: len(seen) == 3, "a record of each partition is at work")
        second.start_consumers()
        eventually(lambda: sum(processor.metrics()["lag"].values()) == 0 and len(seen) == 7, "all are done", 60)
        done = [processor.metrics() for processor in members]
    assert [each["begun_anew"] for each in done] == [0, 0]
    assert sum(each["rebalances"] for each in done) == 3, "the first alone, then both"
    assert max(seen.values()) <= 2


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


def test_a_group_that_works_on_one_topic_is_refused_for_another(topic, group):
    processor = KafkaStreamProcessor("127.0.0.1:1")
    processor.setup_consumer(topic, group, copy)
    processor.setup_consumer(topic, group, copy)
    with pytest.raises(LabError, match="give 'another topic' another group"):
        processor.setup_consumer("another topic", group, copy)
