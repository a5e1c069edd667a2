"""A timer that was set just before a checkpoint is in it, as the record is that set it.

PyFlink (2.3) registers the timers of a bundle before the next watermark; a checkpoint may come first. Here one always
does: everything waits in bundles until the barrier comes, and no watermark overtakes that.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from recsys_lab.errors import ClusterError
from recsys_lab.flink import (
    ApacheFlink,
    FlinkStreamProcessor,
    KafkaSource,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    LocalFlink,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.flink.cluster import ask
from recsys_lab.kafka import Connection, LocalKafka
from recsys_lab.kafka.topics import ensure_topics
from recsys_lab.threads import alongside
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200), needs_flink]

Visit = dict[str, Any]

HELD_BACK = {"python.fn-execution.bundle.size": "1000", "python.fn-execution.bundle.time": "600000"}
BEFORE = [{"user": "ann", "at": 1_000}, {"user": "bob", "at": 2_000}, {"user": "ann", "at": 3_000}]
AFTER = [{"user": "cleo", "at": 60_000}]
NEVER = 3_600.0
WAIT_SECONDS = 60.0


class Reminds(KeyedProcessFunction):
    """Says a user's name ten seconds later."""

    def process_element(self, value: Visit, ctx: Any) -> None:
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 10_000)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        yield ctx.get_current_key(), timestamp


class RemindsOfBoth(KeyedCoProcessFunction):
    """The same with two inputs."""

    process_element1 = process_element2 = Reminds.process_element
    on_timer = Reminds.on_timer


def _user(visit: Visit) -> str:
    return str(visit["user"])


def job(kafka: LocalKafka, folder: Path, interval: float) -> tuple[FlinkStreamProcessor, dict[str, list[Any]]]:
    processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=interval, checkpoint_dir=folder)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda visit, _: visit["at"])
    source = KafkaSource("visits-then-a-pause", kafka.bootstrap_servers, bounded=False)
    visits = processor.add_source(source, name="visits").assign_timestamps_and_watermarks(strategy).key_by(_user)
    seen: dict[str, list[Any]] = {"window": [], "process": [], "co-process": []}
    windows = visits.window(TumblingEventTimeWindows.of(timedelta(seconds=5)))
    windows.apply(lambda user, window, inside: [(user, len(inside))]).sink(seen["window"].append)
    visits.process(Reminds()).sink(seen["process"].append)
    visits.connect(visits).process(RemindsOfBoth()).sink(seen["co-process"].append)
    return processor, seen


@contextlib.contextmanager
def stopped_when(processor: FlinkStreamProcessor, enough: Callable[[], bool]) -> Iterator[None]:
    """End the job that runs with a savepoint, when there is enough or time is over."""

    def watch(over: threading.Event) -> None:
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until and not enough() and not over.wait(0.2):
            pass
        processor.stop()

    with alongside(watch):
        yield


def taken_in(cluster: LocalFlink) -> int:
    """Records that the job which runs has read from its topic."""
    with contextlib.suppress(ClusterError, StopIteration):
        jobs = ask(cluster.address, "/jobs/overview")["jobs"]
        running = next(job["jid"] for job in jobs if job["state"] == "RUNNING")
        vertices = ask(cluster.address, f"/jobs/{running}")["vertices"]
        return sum(vertex["metrics"]["read-records"] for vertex in vertices if vertex["name"].startswith("Source:"))
    return 0


def test_what_waits_for_a_timer_is_not_forgotten(kafka: LocalKafka, cluster: LocalFlink, tmp_path: Path) -> None:
    ensure_topics(Connection(kafka.bootstrap_servers), ["visits-then-a-pause"], partitions=1)
    produced(kafka, BEFORE)
    before, seen = job(kafka, tmp_path, interval=NEVER)
    with stopped_when(before, lambda: taken_in(cluster) == len(BEFORE)):
        before.execute(runtime=ApacheFlink(cluster.address, configuration=HELD_BACK))
    assert list(seen.values()) == [[], [], []]

    produced(kafka, AFTER)
    after, seen = job(kafka, tmp_path, interval=0.5)
    with stopped_when(after, lambda: sum(map(len, seen.values())) >= 8):
        result = after.execute(runtime=ApacheFlink(cluster.address), restore_from="latest")

    assert result.records_in == len(AFTER), "the records before were not in the savepoint, so it shows nothing"
    assert sorted(seen["window"]) == [("ann", 2), ("bob", 1)]
    assert sorted(seen["process"]) == [("ann", 11_000), ("ann", 13_000), ("bob", 12_000)]
    assert sorted(seen["co-process"]) == sorted(seen["process"])


def produced(kafka: LocalKafka, visits: list[Visit]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for visit in visits:
        producer.produce("visits-then-a-pause", partition=0, value=json.dumps(visit))
    assert producer.flush(60) == 0
