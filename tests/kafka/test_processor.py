"""The stream processor's life on a real broker: its arguments, its metrics, and how it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import psutil
import pytest

from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import StreamEvent
from recsys_lab.kafka import KafkaStreamProcessor
from tests.builders import a_click
from tests.kafka.helpers import (
    DELIVERIES,
    a_processor,
    collector,
    committed,
    copy,
    environment,
    eventually,
    items,
    make_topic,
    produce,
    read,
    run,
    some_clicks,
    write_events,
)

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"delivery": "twice"}, "delivery is 'twice'"),
        ({"retries": -1}, "retries is -1"),
        ({"retries": 1.5}, "retries is 1.5"),
        ({"backoff": timedelta(seconds=-1)}, "backoff is datetime.timedelta"),
        ({"session_timeout_ms": 0}, "session_timeout_ms is 0"),
        ({"max_poll_interval_ms": -1}, "max_poll_interval_ms is -1"),
        ({"max_poll_records": 0}, "max_poll_records is 0"),
        ({"timeout": timedelta(milliseconds=99)}, "timeout is datetime.timedelta"),
    ],
)
def test_wrong_arguments_are_refused_by_name(wrong, named):
    with pytest.raises(InvalidEvent, match=named):
        KafkaStreamProcessor("127.0.0.1:1", **wrong)


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


def test_what_keeps_a_consumer_from_its_work_is_told(kafka, topic, group):
    with a_processor(kafka, session_timeout_ms=500) as processor:  # less than this broker allows
        processor.setup_consumer(topic, group, copy)
        processor.start_consumers()
        eventually(
            lambda: "InvalidSessionTimeout" in processor.metrics()["errors"].get(f"{group}-0", ""), "it is told", 30
        )


@pytest.mark.parametrize("processor", [None, 42, "copy"])
def test_a_processor_that_cannot_be_called_is_refused_at_once(processor):
    with pytest.raises(TypeError, match=r"processor is .*an async function"):
        KafkaStreamProcessor("127.0.0.1:1").setup_consumer("clicks", "counter", processor)
