"""What a cluster costs: start-up, latency and throughput of the same job on two runtimes, between two topics.

The job keeps a count for each user: every record that goes in brings one result out, written exactly once, with a
checkpoint each second. When it starts, many records wait for it; when it has caught up, more come at an even pace. A
reader of committed records notes when each result was there. At an even pace time counts from when a record was *due*.
"""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from kafka import KafkaProducer

from recsys_lab.errors import LabError
from recsys_lab.experiments.on_flink.shop_topics import PARTITIONS
from recsys_lab.experiments.on_flink.two_readers import Readers
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topic
from recsys_lab.flink import FlinkStreamProcessor, KafkaSink, KafkaSource
from recsys_lab.kafka.connection import Connection

PER_SECOND, PACED_SECONDS = 50, 2.0
WAITING = 5_000
USERS = 50
CHECKPOINT_SECONDS = 1.0
LONGEST_SECONDS = 90.0


def runtime_costs(servers: str, runtimes: dict[str, Any]) -> pd.DataFrame:
    """A row for each runtime. runtimes: name → what `execute(runtime=…)` takes. Takes 6 to 12 seconds each.

    Columns: runtime, first_s, all_s (from `execute` to the first committed result, and to that of the last of the
    records that waited), waiting (so many), p50_s, p95_s (from when a later record was due to its committed result).
    """
    rows = []
    for name, runtime in runtimes.items():
        with _Running(servers, runtime, waiting=WAITING) as run:
            run.wait(WAITING)
            due = run.send_evenly(first=WAITING)
            run.wait(WAITING + len(due))
            came = run.came()
        p50, p95 = np.percentile([came[number] - time for number, time in due.items()], [50, 95])
        waited = came[came.index < WAITING]
        rows.append((name, float(waited.min()), float(waited.max()), WAITING, float(p50), float(p95)))
    return pd.DataFrame(rows, columns=["runtime", "first_s", "all_s", "waiting", "p50_s", "p95_s"])


class _Running:
    """The job on a runtime, on a thread of its own, from a new topic to another; a context manager, which stops it.

    waiting: so many records are in the topic before it starts.
    """

    def __init__(self, servers: str, runtime: Any, waiting: int) -> None:
        self._runtime, self._failed = runtime, list[BaseException]()
        self._topic = fresh_topic(servers, "visits", partitions=PARTITIONS)
        output = fresh_topic(servers, "visit-counts", partitions=PARTITIONS)
        self._folder = TemporaryDirectory()
        self._processor = _job(servers, self._topic, output, Path(self._folder.name))
        self._producer = KafkaProducer(**Connection.resolve(servers).client(), acks="all", linger_ms=5)
        for number in range(waiting):
            self._send(number)
        self._producer.flush(60)
        self._thread = threading.Thread(target=self._run, name="job", daemon=True)
        self._began = perf_counter()
        self._readers = Readers(servers, output, self._began, ["committed"])

    def __enter__(self) -> _Running:
        self._thread.start()
        self._readers.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._readers.__exit__()
        self._processor.stop()
        self._thread.join(LONGEST_SECONDS)
        self._producer.close(timeout=5)
        self._folder.cleanup()

    def wait(self, count: int) -> None:
        """Return when so many results are committed. Raises what the job failed with, or LabError."""
        deadline = perf_counter() + LONGEST_SECONDS
        while self._readers.count("committed") < count:
            if self._failed:
                raise self._failed[0]
            if perf_counter() > deadline:
                came = self._readers.count("committed")
                raise LabError(f"{came} of {count} results came within {LONGEST_SECONDS:.0f} s.")
            sleep(0.05)

    def send_evenly(self, first: int) -> dict[int, float]:
        """Send PER_SECOND for PACED_SECONDS, numbered from `first`; number of the record → when it was due."""
        start = perf_counter() - self._began
        due = {}
        for number in range(first, first + int(PER_SECOND * PACED_SECONDS)):
            due[number] = start + (number - first + 1) / PER_SECOND
            sleep(max(0.0, due[number] - (perf_counter() - self._began)))
            self._send(number)
        return due

    def came(self) -> pd.Series:
        """When each result was there, in seconds, by the number of its record."""
        table = self._readers.table()
        numbers = [msgspec.json.decode(value)["number"] for value in table["value"]]
        return pd.Series(table["seconds"].to_numpy(), index=numbers)

    def _send(self, number: int) -> None:
        user = f"u{number % USERS}"
        value = msgspec.json.encode({"user": user, "number": number, "count": 1})
        self._producer.send(self._topic, key=user.encode(), value=value)

    def _run(self) -> None:
        try:
            self._processor.execute("visit counts", runtime=self._runtime)
        except BaseException as error:
            self._failed.append(error)


def _job(servers: str, topic: str, output: str, folder: Path) -> FlinkStreamProcessor:
    processor = FlinkStreamProcessor(2, CHECKPOINT_SECONDS, checkpoint_dir=folder)
    visits = processor.add_source(KafkaSource(topic, servers, bounded=False, name="visits"))
    counts = visits.key_by(lambda visit: visit["user"]).reduce(
        lambda before, visit: {**visit, "count": before["count"] + 1}
    )
    counts.sink_to(KafkaSink(output, servers, transactional_id=fresh_name("counts")))
    return processor
