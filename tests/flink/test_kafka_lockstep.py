"""Partitions take turns, record by record, also where some of their records are left out; no broker is needed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from kafka import TopicPartition

from recsys_lab.flink import FlinkStreamProcessor, KafkaSource, ListSink
from recsys_lab.flink import kafka as topics

Log = list[bytes | None]


class Record(NamedTuple):
    partition: int
    offset: int
    value: bytes | None
    timestamp: int


class FakeConsumer:
    """What a partition's reader asks of Kafka's client. at_once: a poll gives so many records at the most."""

    def __init__(self, logs: list[Log], at_once: int) -> None:
        self._logs = logs
        self._at_once = at_once
        self._position = 0
        self._assigned: TopicPartition | None = None

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(len(self._logs)))

    def assign(self, partitions: list[TopicPartition]) -> None:
        (self._assigned,) = partitions

    def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: len(self._logs[partition.partition]) for partition in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._position = offset

    def position(self, partition: TopicPartition) -> int:
        return self._position

    def poll(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Record]]:
        assert self._assigned is not None
        number, start = self._assigned.partition, self._position
        values = self._logs[number][start : start + min(max_records, self._at_once)]
        self._position += len(values)
        return {self._assigned: [Record(number, start + i, value, 0) for i, value in enumerate(values)]}


def without_negatives(raw: bytes) -> Any:
    value = json.loads(raw)
    return None if value[1] < 0 else value


def topic_of(monkeypatch: pytest.MonkeyPatch, logs: list[Log], at_once: int = 1_000, bounded: bool = True) -> Any:
    @contextlib.contextmanager
    def consumer(connection: Any, **options: Any) -> Iterator[FakeConsumer]:
        yield FakeConsumer(logs, at_once)

    monkeypatch.setattr(topics, "_consumer", consumer)
    return KafkaSource("topic", "127.0.0.1:9", decode=without_negatives, bounded=bounded)


def log(partition: int, numbers: list[int | None]) -> Log:
    """None: only deletes a key. A negative number is left out by `decode`."""
    return [None if number is None else json.dumps([partition, number]).encode() for number in numbers]


GAPS = [
    log(0, [None, None, 0, -1, 1, None, 2, 3, -1, -1, 4, None]),
    log(1, [0, 1, 2, 3, 4, 5, 6]),
    log(2, [-1, None, -1]),
]
IN_TURN = [[p, n] for n in range(7) for p in (0, 1) if p == 1 or n < 5]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 6, 9, 1_024])
@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_records_that_are_left_out_take_no_turn(monkeypatch: pytest.MonkeyPatch, batch_size: int, at_once: int) -> None:
    source = topic_of(monkeypatch, GAPS, at_once)

    assert FlinkStreamProcessor(batch_size=batch_size).add_source(source).execute_and_collect() == IN_TURN


def test_a_reader_goes_on_behind_what_it_looked_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = topic_of(monkeypatch, GAPS).open("0", None)

    seen = [(reader.read(2).values, reader.offset) for _ in range(3)]
    last = reader.read(2)

    assert seen == [([[0, 0], [0, 1]], 5), ([[0, 2], [0, 3]], 8), ([[0, 4]], 12)]
    assert (last.values, last.ended, reader.offset) == ([], True, 12)


@pytest.mark.parametrize("stop", range(1, 12))
def test_a_run_that_is_restored_goes_on_in_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, stop: int) -> None:
    source = topic_of(monkeypatch, GAPS)
    first = FlinkStreamProcessor(batch_size=1)
    first.add_source(source).sink_to(before := ListSink())
    with first.step_through() as stepper:
        for _ in range(stop):
            stepper.step()
        stepper.savepoint(tmp_path / "stop.savepoint")
    second = FlinkStreamProcessor(batch_size=5)
    second.add_source(source).sink_to(after := ListSink())

    second.execute(restore_from=tmp_path / "stop.savepoint")

    assert before.values + after.values == IN_TURN


def test_an_unbounded_topic_gives_what_is_there_however_much_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = topic_of(monkeypatch, [log(0, [-1] * 50 + [7])], bounded=False).open("0", None)

    assert (reader.read(50).values, reader.offset) == ([], 50)
    assert (reader.read(50).values, reader.offset) == ([[0, 7]], 51)


def test_a_restored_run_ends_where_the_topic_ended_when_the_job_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    logs = [log(0, [0, 1, 2]), log(1, [0, 1, 2])]
    source = topic_of(monkeypatch, logs)
    first = FlinkStreamProcessor()
    first.add_source(source).sink_to(before := ListSink())
    with first.step_through() as stepper:
        stepper.step()
        stepper.savepoint(tmp_path / "stop.savepoint")
    logs[0] += log(0, [3, 4])
    second = FlinkStreamProcessor()
    second.add_source(source).sink_to(after := ListSink())

    second.execute(restore_from=tmp_path / "stop.savepoint")

    assert before.values + after.values == [[p, n] for n in range(3) for p in (0, 1)]
