"""Apache Flink's checkpoints and savepoints, by the same arguments as on the local runtime."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from recsys_lab.errors import CheckpointError, JobError, NotTranslatable
from recsys_lab.flink import ApacheFlink, FlinkStreamProcessor, KafkaSink, KafkaSource, ListSink, ReduceFunction
from recsys_lab.kafka import Connection, LocalKafka
from recsys_lab.kafka.topics import ensure_topics
from tests.flink.apache.running import needs_flink
from tests.flink.apache.test_kafka_exactly_once import committed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200), needs_flink]


class Add(ReduceFunction):
    def reduce(self, value1: Any, value2: Any) -> Any:
        return value1 + value2


def produced(kafka: LocalKafka, topic: str, numbers: range) -> None:
    ensure_topics(Connection(kafka.bootstrap_servers), [topic])
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in numbers:
        producer.produce(topic, partition=number % 3, value=json.dumps(number))
    assert producer.flush(60) == 0


def test_a_job_that_failed_goes_on_from_its_latest_checkpoint(kafka: LocalKafka, tmp_path: Path) -> None:
    produced(kafka, "numbers", range(600))
    mended = tmp_path / "mended"

    def fails_at_first(number: int) -> int:
        time.sleep(0.004)
        if number > 560 and not mended.exists():
            raise RuntimeError("for the test")
        return number

    def job() -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=0.3, checkpoint_dir=tmp_path / "kept")
        source = KafkaSource("numbers", kafka.bootstrap_servers, bounded=False)
        sink = KafkaSink("mended", kafka.bootstrap_servers)
        processor.add_source(source).map(fails_at_first).sink_to(sink)
        return processor

    def stop_when_all_is_there(processor: FlinkStreamProcessor) -> None:
        while sum(committed(kafka, "mended").values()) < 600:
            time.sleep(0.5)
        processor.stop()

    runtime = ApacheFlink(configuration={"python.fn-execution.bundle.size": "20"})
    with pytest.raises(JobError, match="for the test"):
        job().execute(runtime=runtime)
    assert sum(committed(kafka, "mended").values()) < 600
    mended.touch()
    again = job()
    threading.Thread(target=stop_when_all_is_there, args=(again,), daemon=True).start()
    again.execute(runtime=runtime, restore_from="latest")

    assert sorted(int(value) for _, value in committed(kafka, "mended").elements() if value) == list(range(600))


def test_a_job_that_was_stopped_goes_on_with_its_state(kafka: LocalKafka, tmp_path: Path) -> None:
    seen: list[int] = []

    def run_until(records: int, **options: Any) -> None:
        processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=0.5, checkpoint_dir=tmp_path / "kept")

        def look(total: int) -> None:
            seen.append(total)
            if len(seen) == records:
                processor.stop()

        source = KafkaSource("more-numbers", kafka.bootstrap_servers, bounded=False)
        processor.add_source(source, name="numbers").key_by(lambda number: "all").reduce(Add()).sink(look)
        processor.execute(runtime=ApacheFlink(), **options)

    produced(kafka, "more-numbers", range(30))
    run_until(30)
    assert seen[-1] == sum(range(30))

    produced(kafka, "more-numbers", range(30, 50))
    run_until(50, restore_from="latest")

    assert len(seen) == 50
    assert seen[-1] == sum(range(50))


def test_what_another_job_left_is_refused(tmp_path: Path) -> None:
    def job(name: str) -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=0.2, checkpoint_dir=tmp_path)

        def slow(number: int) -> int:
            time.sleep(0.01)
            if number > 200:
                raise RuntimeError("for the test")
            return number

        processor.add_source(range(300)).map(slow).name(name).sink_to(ListSink())
        return processor

    runtime = ApacheFlink(configuration={"python.fn-execution.bundle.size": "10"})
    with pytest.raises(JobError, match="for the test"):
        job("slow").execute("one", runtime=runtime)
    kept = next(tmp_path.glob("*/chk-*"))

    for place in "latest", kept:
        with pytest.raises(CheckpointError, match="foreign: it belongs to job 'one', not 'two'"):
            job("slow").execute("two", runtime=runtime, restore_from=place)
        with pytest.raises(CheckpointError, match="'1 map slow <- 0' where this one has '1 map other <- 0'"):
            job("other").execute("one", runtime=runtime, restore_from=place)


def test_nothing_is_left_of_a_job_that_ended_well(tmp_path: Path) -> None:
    processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=0.2, checkpoint_dir=tmp_path)
    processor.add_source(range(10)).sink_to(ListSink())

    processor.execute(runtime=ApacheFlink())

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_bounded_topic_is_not_restored(kafka: LocalKafka, tmp_path: Path) -> None:
    produced(kafka, "bounded-numbers", range(3))
    (tmp_path / "job" / "chk-1").mkdir(parents=True)
    (tmp_path / "job" / "chk-1" / "_metadata").write_bytes(b"1")
    processor = FlinkStreamProcessor(checkpoint_dir=tmp_path)
    processor.add_source(KafkaSource("bounded-numbers", kafka.bootstrap_servers), name="numbers").sink(print)

    with pytest.raises(NotTranslatable, match="'numbers' is bounded"):
        processor.execute(runtime=ApacheFlink(), restore_from="latest")


def test_a_checkpoint_of_the_local_runtime_is_refused(tmp_path: Path) -> None:
    def job() -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(checkpoint_dir=tmp_path)
        processor.add_source([1, 2]).sink_to(ListSink())
        return processor

    written = job().execute().last_checkpoint

    with pytest.raises(CheckpointError, match="no checkpoint of Apache Flink"):
        job().execute(runtime=ApacheFlink(), restore_from=written)


def test_the_latest_of_none_is_the_beginning(tmp_path: Path) -> None:
    processor = FlinkStreamProcessor(checkpoint_dir=tmp_path / "new")
    processor.add_source([1, 2]).sink_to(sink := ListSink())

    processor.execute(runtime=ApacheFlink(), restore_from="latest")

    assert sorted(sink) == [1, 2]
