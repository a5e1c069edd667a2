"""Topics at both ends of the local runtime: offsets, watermarks of partitions, and transactions under crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from recsys_lab.errors import JobError
from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.flink import (
    FlinkStreamProcessor,
    KafkaSink,
    KafkaSource,
    ListSink,
    RestartStrategies,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.flink import kafka as topics
from recsys_lab.kafka import Connection, LocalKafka
from recsys_lab.kafka.topics import ensure_topics
from tests.builders import a_click

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as started:
        yield started


def filled(kafka: LocalKafka, topic: str, records: list[tuple[int, Any]]) -> str:
    """A topic of three partitions with these (partition, value)."""
    ensure_topics(Connection(kafka.bootstrap_servers), [topic])
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for partition, value in records:
        raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        producer.produce(topic, partition=partition, value=raw)
    assert producer.flush(60) == 0
    return topic


def committed(kafka: LocalKafka, topic: str) -> list[Any]:
    """All values that a reader of committed records sees, partition by partition."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "judge", "isolation.level": "read_committed",
         "enable.auto.commit": False, "enable.partition.eof": True}
    )  # fmt: skip
    found = []
    for number in range(3):
        consumer.assign([TopicPartition(topic, number, 0)])
        while True:
            message = consumer.poll(30)
            assert message is not None, "Kafka gave nothing for 30 s"
            if message.error():
                break
            found.append(json.loads(message.value()))
    consumer.close()
    return found


def test_a_topic_is_read_to_its_end_partitions_taking_turns(kafka: LocalKafka) -> None:
    topic = filled(kafka, "turns", [(number % 3, number) for number in range(300)])

    for batch_size in (1, 7, 1_024):
        processor = FlinkStreamProcessor(batch_size=batch_size)
        values = processor.add_source(KafkaSource(topic, kafka.bootstrap_servers)).execute_and_collect()
        assert values == list(range(300))


def test_each_partition_has_a_watermark_of_its_own(kafka: LocalKafka) -> None:
    """Partition 1 is an hour behind; nothing of it is late."""
    hour = 3_600_000
    topic = filled(kafka, "behind", [(n % 2, {"at": n * 1000 - (n % 2) * hour, "n": n}) for n in range(200)])
    processor = FlinkStreamProcessor()
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda value, _: value["at"])
    processor.add_source(KafkaSource(topic, kafka.bootstrap_servers)).assign_timestamps_and_watermarks(strategy).window(
        TumblingEventTimeWindows.of(timedelta(seconds=10))
    ).apply(lambda key, window, values: [len(list(values))]).sink_to(sink := ListSink())

    result = processor.execute()

    assert (sum(sink), result.late_records) == (200, 0)


def test_values_are_decoded_as_told_and_deletions_are_no_records(kafka: LocalKafka) -> None:
    click = a_click("ann", "lamp")
    topic = filled(kafka, "events", [(0, click.to_json()), (0, None), (1, click.to_json())])

    processor = FlinkStreamProcessor()
    source = KafkaSource(topic, kafka.bootstrap_servers, decode=StreamEvent.from_json)

    assert processor.add_source(source).execute_and_collect() == [click, click]


def test_the_timestamp_of_a_record_is_the_timestamp_in_the_stream(kafka: LocalKafka) -> None:
    ensure_topics(Connection(kafka.bootstrap_servers), ["stamped"])
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for second in (3, 1, 12):
        producer.produce("stamped", partition=0, value=b"1", timestamp=second * 1000)
    assert producer.flush(60) == 0
    processor = FlinkStreamProcessor()
    stream = processor.add_source(KafkaSource("stamped", kafka.bootstrap_servers))
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=5))

    counts = (
        stream.assign_timestamps_and_watermarks(strategy)
        .window(TumblingEventTimeWindows.of(timedelta(seconds=10)))
        .apply(lambda key, window, values: [(window.start, len(list(values)))])
        .execute_and_collect()
    )

    assert counts == [(0, 2), (10_000, 1)]


def test_a_record_that_cannot_be_read_is_named(kafka: LocalKafka) -> None:
    topic = filled(kafka, "poison", [(2, {"fine": 1}), (2, b"not JSON")])

    with pytest.raises(JobError, match=r"record 1 of partition 2 is .*not JSON"):
        FlinkStreamProcessor().add_source(KafkaSource(topic, kafka.bootstrap_servers)).execute_and_collect()


def test_a_topic_that_is_not_there_is_named(kafka: LocalKafka) -> None:
    with pytest.raises(JobError, match="topic 'nowhere' is not there"):
        FlinkStreamProcessor().add_source(KafkaSource("nowhere", kafka.bootstrap_servers)).execute_and_collect()


@pytest.mark.parametrize("make", [KafkaSource, KafkaSink])
@pytest.mark.parametrize("topic", ["", None, 7])
def test_a_topic_is_a_text(make: Callable[[Any], Any], topic: Any) -> None:
    with pytest.raises(JobError, match="topic is"):
        make(topic)


def test_an_offset_beyond_the_topic_is_refused(kafka: LocalKafka) -> None:
    source = KafkaSource(filled(kafka, "short", [(0, 1)]), kafka.bootstrap_servers)

    with pytest.raises(JobError, match="holds offsets 0 to 1, not 5"):
        source.open("0", 5)


def test_events_are_written_under_their_keys(kafka: LocalKafka) -> None:
    clicks = [a_click(user, "lamp") for user in ("ann", "bob", "ann", "cyd")]
    processor = FlinkStreamProcessor()
    processor.add_source(clicks).sink_to(KafkaSink("written", kafka.bootstrap_servers, key=lambda e: e.user_id))

    processor.execute()

    found = [StreamEvent.from_dict(value) for value in committed(kafka, "written")]
    assert sorted(event.to_json() for event in found) == sorted(click.to_json() for click in clicks)
    assert all(isinstance(event, UserInteractionEvent) for event in found)


def test_a_value_that_is_no_json_is_named_with_its_topic(kafka: LocalKafka) -> None:
    processor = FlinkStreamProcessor()
    processor.add_source([object()]).sink_to(KafkaSink("refused", kafka.bootstrap_servers))

    with pytest.raises(JobError, match=r"object.* cannot be written to 'refused'"):
        processor.execute()


# -- transactions --


def test_a_transaction_is_seen_when_it_is_committed_and_not_before(kafka: LocalKafka) -> None:
    sink = KafkaSink("seen", kafka.bootstrap_servers)
    sink.begin(None)
    sink.write([1, 2])
    prepared = sink.pre_commit()
    sink.write([3])
    assert committed(kafka, "seen") == []

    sink.commit(prepared)
    sink.close()

    assert sorted(committed(kafka, "seen")) == [1, 2]


@pytest.mark.parametrize("crash", ["before the commit", "after the commit"])
def test_after_a_crash_a_prepared_transaction_is_committed_once(kafka: LocalKafka, crash: str) -> None:
    topic = f"once-{crash.split()[0]}"
    sink = KafkaSink(topic, kafka.bootstrap_servers)
    sink.begin(None)
    sink.write([1, 2])
    prepared = sink.pre_commit()
    if crash == "after the commit":
        sink.commit(prepared)

    again = KafkaSink(topic, kafka.bootstrap_servers)  # the first is never closed, as if it were gone
    again.begin([prepared])
    again.write([3])
    again.commit(again.pre_commit())
    again.close()
    sink.close()

    assert sorted(committed(kafka, topic)) == [1, 2, 3]


def test_a_crash_within_the_commit_leaves_nothing_behind(kafka: LocalKafka) -> None:
    """Records are in Kafka, but the transaction is open: it is aborted by the next one of that name, and sent again."""
    sink = KafkaSink("within", kafka.bootstrap_servers)
    sink.begin(None)
    sink.write([1, 2])
    prepared = sink.pre_commit()
    assert sink._producer is not None
    sink._producer.begin_transaction()
    sink._producer.send("within", value=b"1")
    sink._producer.flush()

    again = KafkaSink("within", kafka.bootstrap_servers)
    again.begin([prepared])
    again.close()

    assert sorted(committed(kafka, "within")) == [1, 2]


@pytest.mark.timeout(90)
def test_a_broker_that_goes_away_within_the_commit_fails_the_job_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "TIMEOUT_SECONDS", 3.0)
    with LocalKafka() as own:
        sink = KafkaSink("half-way", own.bootstrap_servers)
        sink.begin(None)
        sink.write(["a", "b"])
        prepared = sink.pre_commit()
        flush = sink._producer.flush  # type: ignore[union-attr]

        def flushed_and_gone(seconds: float) -> None:
            flush(seconds)
            own.kill()

        monkeypatch.setattr(sink._producer, "flush", flushed_and_gone)
        started = monotonic()

        with pytest.raises(JobError, match=own.bootstrap_servers):
            sink.commit(prepared)

        sink.close()
        assert monotonic() - started < 20


def test_a_second_sink_of_the_same_name_shuts_the_first_one_out(kafka: LocalKafka) -> None:
    first = KafkaSink("fenced", kafka.bootstrap_servers)
    first.begin(None)
    first.write([1])
    second = KafkaSink("fenced", kafka.bootstrap_servers)
    second.begin(None)

    with pytest.raises(JobError):
        first.commit(first.pre_commit())

    first.close()
    second.close()
    assert committed(kafka, "fenced") == []


def test_a_job_that_fails_and_restarts_writes_each_record_once(kafka: LocalKafka) -> None:
    topic = filled(kafka, "flaky", [(number % 3, number) for number in range(500)])
    failed: set[int] = set()

    def flaky(number: int) -> int:
        if number in (40, 41, 250, 499) and number not in failed:
            failed.add(number)
            raise RuntimeError("for the test")
        return number

    processor = FlinkStreamProcessor(
        checkpoint_every=50, batch_size=16, restart_strategy=RestartStrategies.fixed_delay_restart(10, 0)
    )
    stream = processor.add_source(KafkaSource(topic, kafka.bootstrap_servers))
    stream.map(flaky).sink_to(KafkaSink("steady", kafka.bootstrap_servers))

    assert processor.execute().restarts == 4
    assert sorted(committed(kafka, "steady")) == list(range(500))


PROGRAM = """
import os, signal, sys
from recsys_lab.flink import FlinkStreamProcessor, KafkaSink, KafkaSource

servers, folder, kill_at, when = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
commits = 0

class Killed(KafkaSink):
    def commit(self, prepared):
        global commits
        commits += 1
        if commits == kill_at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().commit(prepared)
        if commits == kill_at and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

def killing(number):
    if number == kill_at * 37 and when == "record":
        os.kill(os.getpid(), signal.SIGKILL)
    return number

processor = FlinkStreamProcessor(checkpoint_every=40, checkpoint_dir=folder, batch_size=16)
stream = processor.add_source(KafkaSource("crashes", servers))
stream.map(killing).sink_to(Killed("survivors", servers))
processor.execute("Crashes", restore_from="latest")
"""


def test_real_kills_at_any_moment_lose_and_double_nothing(kafka: LocalKafka, tmp_path: Path) -> None:
    filled(kafka, "crashes", [(number % 3, number) for number in range(400)])
    schedule = [(2, "before"), (2, "after"), (3, "before"), (4, "record"), (1, "before"), (1, "after")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = []

    for kill_at, when in [*schedule, (10**6, "never")]:
        arguments = [kafka.bootstrap_servers, str(tmp_path / "checkpoints"), str(kill_at), when]
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode in (0, -signal.SIGKILL), run.stderr
        ended.append(run.returncode)

    assert ended.count(-signal.SIGKILL) >= 4
    assert ended[-1] == 0
    assert sorted(committed(kafka, "survivors")) == list(range(400))
