"""How soon a real Kafka is ready for use: from the call to the moment at which a client has its metadata.

python -m benchmarks.kafka_ready
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

from recsys_lab.kafka import LocalKafka

ROUNDS = 5
REACH_SECONDS = {1: 6.0, 3: None}


def rows(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """A row for one broker and for three: median and slowest start, in seconds."""
    table = []
    for brokers, reach in REACH_SECONDS.items():
        seconds = [_seconds(brokers) for _ in range(rounds)]
        table.append(
            {
                "brokers": brokers,
                "median_s": round(median(seconds), 1),
                "slowest_s": round(max(seconds), 1),
                "reach": f"<= {reach:g} s" if reach else "",
                "ok": max(seconds) <= reach if reach else "",
            }
        )
    return table


def _seconds(brokers: int) -> float:
    began = perf_counter()
    with LocalKafka(brokers=brokers):
        return perf_counter() - began


if __name__ == "__main__":
    print(*rows(), sep="\n")
