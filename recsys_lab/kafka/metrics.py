"""What a stream processor counts, safely from several threads."""

from __future__ import annotations

import threading
from typing import Any

COUNTERS = ("consumed", "processed", "failed", "retried", "dead_lettered", "rebalances")


class Metrics:
    """Counters, and how far behind each partition is.

    consumed: records taken from Kafka. processed: handled without an error in the end. failed: attempts that raised.
    retried: attempts made again. dead_lettered: records set aside. rebalances: new assignments of partitions.
    """

    def __init__(self) -> None:
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._lag: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self._counters[name] += count

    def set_lag(self, lag: dict[str, int], gone: tuple[str, ...] = ()) -> None:
        """Lag by `topic-partition`, in records; those in `gone` belong to somebody else now."""
        with self._lock:
            self._lag.update(lag)
            for name in gone:
                self._lag.pop(name, None)

    def to_dict(self) -> dict[str, Any]:
        with self._lock:
            return {**self._counters, "lag": dict(self._lag)}
