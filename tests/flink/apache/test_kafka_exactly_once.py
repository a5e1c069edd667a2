"""Kafka → Apache Flink → Kafka, exactly once, while a TaskManager is killed; judged by another client of Kafka."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from recsys_lab.errors import ClusterError
from recsys_lab.flink import (
    ApacheFlink,
    FlinkStreamProcessor,
    KafkaSink,
    KafkaSource,
    LocalFlink,
    RestartStrategies,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.flink.cluster import ask
from recsys_lab.kafka import Connection, LocalKafka
from recsys_lab.kafka.topics import ensure_topics
from recsys_lab.threads import alongside
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, pytest.mark.timeout(480), needs_flink]

USERS, RECORDS = 17, 6_000


@pytest.fixture(scope="module")
def interactions(kafka: LocalKafka) -> str:
    """A topic of three partitions, 100 ms of event time from record to record."""
    ensure_topics(Connection(kafka.bootstrap_servers), ["interactions"])
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "enable.idempotence": True})
    refused: list[Any] = []
    for number in range(RECORDS):
        user = f"user-{number % USERS}"
        record = {"user": user, "at": number * 100, "number": number}
        producer.produce("interactions", key=user, value=json.dumps(record), on_delivery=_note(refused))
        producer.poll(0)
    assert producer.flush(60) == 0
    assert refused == []
    return "interactions"


def _note(refused: list[Any]) -> Any:
    return lambda error, message: None if error is None else refused.append(error)


def job(kafka: LocalKafka, topic: str, output: str, pause: float = 0.0) -> FlinkStreamProcessor:
    """Sums of every user in windows of 30 s."""
    processor = FlinkStreamProcessor(
        parallelism=2, checkpoint_interval=1, restart_strategy=RestartStrategies.fixed_delay_restart(20, 500)
    )
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=30))

    def slowed(record: dict[str, Any]) -> dict[str, Any]:
        time.sleep(pause)
        return record

    (
        processor.add_source(KafkaSource(topic, kafka.bootstrap_servers))
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda record, _: record["at"]))
        .map(slowed)
        .key_by(lambda record: record["user"])
        .window(TumblingEventTimeWindows.of(timedelta(seconds=30)))
        .apply(
            lambda key, window, records: [
                {"user": key, "window": window.start, "numbers": sorted(record["number"] for record in records)}
            ]
        )
        .sink_to(KafkaSink(output, kafka.bootstrap_servers, key=lambda result: result["user"]))
    )
    return processor


def committed(kafka: LocalKafka, topic: str) -> Counter[tuple[bytes | None, bytes | None]]:
    """All records that a reader of committed records sees, with how often it sees them."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "judge", "isolation.level": "read_committed",
         "enable.auto.commit": False, "enable.partition.eof": True}
    )  # fmt: skip
    partitions = [TopicPartition(topic, number, 0) for number in range(3)]
    consumer.assign(partitions)
    seen: Counter[tuple[bytes | None, bytes | None]] = Counter()
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(30)
        assert message is not None, "Kafka gave nothing for 30 s"
        if message.error():
            ended += 1
        else:
            seen[message.key(), message.value()] += 1
    consumer.close()
    return seen


@pytest.fixture(scope="module")
def expected(kafka: LocalKafka, interactions: str) -> Counter[tuple[bytes | None, bytes | None]]:
    """By brute force."""
    windows: dict[tuple[str, int], list[int]] = {}
    for number in range(RECORDS):
        windows.setdefault((f"user-{number % USERS}", number * 100 // 30_000 * 30_000), []).append(number)
    encoded = (
        (user.encode(), json.dumps({"user": user, "window": start, "numbers": numbers}, separators=(",", ":")).encode())
        for (user, start), numbers in windows.items()
    )
    return Counter(encoded)


def test_both_runtimes_write_the_same_to_kafka(
    kafka: LocalKafka, interactions: str, expected: Counter[Any], cluster: LocalFlink
) -> None:
    ours = job(kafka, interactions, "by-the-local-runtime").execute()
    theirs = job(kafka, interactions, "by-apache-flink").execute(runtime=ApacheFlink())

    assert committed(kafka, "by-the-local-runtime") == expected
    assert committed(kafka, "by-apache-flink") == expected
    assert (theirs.records_in, theirs.records_out) == (ours.records_in, ours.records_out)


def test_a_killed_task_manager_neither_loses_nor_doubles_a_record(
    kafka: LocalKafka, interactions: str, expected: Counter[Any], cluster: LocalFlink
) -> None:
    runtime = ApacheFlink(cluster.address, configuration={"python.fn-execution.bundle.size": "20"})
    processor = job(kafka, interactions, "after-a-crash", pause=0.005)

    with _killing_after(2, cluster) as killed:
        result = processor.execute("Crash", runtime=runtime)

    assert killed.is_set()
    assert result.restarts >= 1
    assert committed(kafka, "after-a-crash") == expected


@pytest.mark.parametrize("where", ["local", "apache"])
def test_idle_partitions_hold_nobody_back(where: str, kafka: LocalKafka) -> None:
    """One partition brings a record for every second, the others none; without idleness nothing would ever fire."""
    topic, seen = f"idle-{where}", []
    ensure_topics(Connection(kafka.bootstrap_servers), [topic])
    processor = FlinkStreamProcessor(parallelism=2, checkpoint_interval=None)
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_idleness(timedelta(milliseconds=500))

    def look(window: Any) -> None:
        seen.append(window)
        if len(seen) == 5:
            processor.stop()

    (
        processor.add_source(KafkaSource(topic, kafka.bootstrap_servers, bounded=False))
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda number, _: number * 1000))
        .window(TumblingEventTimeWindows.of(timedelta(seconds=1)))
        .apply(lambda key, window, numbers: [(window.start, list(numbers))])
        .sink(look)
    )
    with _one_partition_alive(kafka, topic):
        processor.execute(runtime="local" if where == "local" else ApacheFlink())

    assert seen[:5] == [(number * 1000, [number]) for number in range(5)]


@contextlib.contextmanager
def _one_partition_alive(kafka: LocalKafka, topic: str) -> Iterator[None]:
    def produce(over: threading.Event) -> None:
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0})
        for number in itertools.count():
            producer.produce(topic, partition=0, value=json.dumps(number))
            producer.poll(0)
            if over.wait(0.1):
                break
        producer.flush(10)

    with alongside(produce):
        yield


@contextlib.contextmanager
def _killing_after(checkpoints: int, cluster: LocalFlink) -> Iterator[threading.Event]:
    """Kill the TaskManager when the job that runs has completed so many checkpoints, and start it again."""
    killed = threading.Event()

    def watch(over: threading.Event) -> None:
        while not over.wait(0.1):
            with contextlib.suppress(ClusterError, KeyError):
                jobs = ask(cluster.address, "/jobs/overview")["jobs"]
                running = [job["jid"] for job in jobs if job["state"] == "RUNNING" and job["name"] == "Crash"]
                if running:
                    counts = ask(cluster.address, f"/jobs/{running[0]}/checkpoints")["counts"]
                    if counts["completed"] >= checkpoints:
                        cluster.kill_task_manager()
                        killed.set()
                        cluster.restart_task_manager()
                        return

    with alongside(watch):
        yield killed
