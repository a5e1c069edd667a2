"""Batches: how long a producer waits for company, and what that costs and gives.

Measured in wall time on the broker at hand, so never twice the same. Two questions, two loads. How many records a
second go through, when all are there at once? And how long until one is acknowledged, when they come at an even pace?
The second is asked in open loop: a record's clock starts when it was due, not when the producer got round to it, or
the wait of those held up would go uncounted ("coordinated omission").
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

import numpy as np
import pandas as pd
from kafka import KafkaProducer

from recsys_lab.experiments.on_kafka.topics import fresh_topic, quiet_client
from recsys_lab.experiments.on_kafka.visits import visit, visits_producer

RECORDS = 3_000
ALONE = 300
"""Records sent quickly: so many, or so many when each travels alone, which takes longer."""

BURSTS = 3
"""One lasts a tenth of a second, and anything may come in between: the one in the middle is told."""

PER_SECOND = 250
SECONDS = 1.0


class Setting(NamedTuple):
    """Of a producer. linger_ms: how long a record may wait for others. batch_kb: what a batch may hold, in KiB; 0 sends
    every record alone. compression: "none", "gzip" or "lz4"."""

    linger_ms: int = 0
    batch_kb: int = 16
    compression: str = "none"

    def __str__(self) -> str:
        if not self.batch_kb:
            return "each alone"
        packed = "" if self.compression == "none" else f", {self.compression}"
        return f"{self.batch_kb} KiB, {self.linger_ms} ms{packed}"


@quiet_client()
def batching(servers: str, settings: Iterable[tuple[int, int, str]]) -> pd.DataFrame:
    """Throughput and acknowledgement latency for each setting (linger_ms, batch_kb, compression).

    Columns: setting (as text), linger_ms, batch_kb, compression, per_second (records acknowledged, sent as quickly as
    possible), p50_ms, p99_ms (of the acknowledgement, at 250 records a second), in_a_request (records, on average, when
    sent quickly).
    """
    rows = [{"setting": str(Setting(*each)), **Setting(*each)._asdict(), **_measured(servers, Setting(*each))}
            for each in settings]  # fmt: skip
    return pd.DataFrame(rows)


def _measured(servers: str, setting: Setting) -> dict[str, float]:
    topic = fresh_topic(servers, "load", partitions=1)
    producer = visits_producer(
        servers,
        linger_ms=setting.linger_ms,
        batch_size=setting.batch_kb * 1024,
        compression_type=None if setting.compression == "none" else setting.compression,
    )
    values = [visit(number).to_json() for number in range(RECORDS if setting.batch_kb else ALONE)]
    try:
        producer.send(topic, values[0]).get(10)  # connect
        rate = median(_throughput(producer, topic, values) for _ in range(BURSTS))
        company = float(producer.metrics()["producer-metrics"]["records-per-request-avg"])
        p50, p99 = np.percentile(_latencies(producer, topic, values), [50, 99])
    finally:
        producer.close(timeout=5)
    return {"per_second": rate, "p50_ms": float(p50), "p99_ms": float(p99), "in_a_request": company}


def _throughput(producer: KafkaProducer, topic: str, values: list[bytes]) -> float:
    started = perf_counter()
    for value in values:
        producer.send(topic, value)
    producer.flush(60)
    return len(values) / (perf_counter() - started)


def _latencies(producer: KafkaProducer, topic: str, values: list[bytes]) -> list[float]:
    """Milliseconds from when each record was due until it was acknowledged."""
    taken: list[float] = []
    started = perf_counter()
    for number in range(int(PER_SECOND * SECONDS)):
        due = started + number / PER_SECOND
        sleep(max(0.0, due - perf_counter()))
        sent = producer.send(topic, values[number % len(values)])
        sent.add_callback(lambda _, due=due: taken.append(1000 * (perf_counter() - due)))
    producer.flush(60)
    return taken
