"""How soon a session cluster of Apache Flink is ready: from the call to free slots of a registered TaskManager.

python -m benchmarks.flink_ready
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

from recsys_lab.flink import LocalFlink

ROUNDS = 5
REACH_SECONDS = 10.0


def rows(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """One row: median and slowest start of a JobManager with its web page and a TaskManager, in seconds."""
    seconds = [_seconds() for _ in range(rounds)]
    return [
        {
            "cluster": "1 JobManager, 1 TaskManager",
            "median_s": round(median(seconds), 1),
            "slowest_s": round(max(seconds), 1),
            "reach": f"<= {REACH_SECONDS:g} s",
            "ok": max(seconds) <= REACH_SECONDS,
        }
    ]


def _seconds() -> float:
    began = perf_counter()
    with LocalFlink():
        return perf_counter() - began


if __name__ == "__main__":
    print(*rows(), sep="\n")
