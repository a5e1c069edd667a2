"""What a stream processor counts, safely from several threads."""

from __future__ import annotations

import threading
from typing import Any

from recsys_lab.errors import shorten

LONGEST_ERROR = 500

COUNTERS = ("consumed", "processed", "failed", "retried", "dead_lettered", "lost", "rebalances", "begun_anew")


class Metrics:
    """Counters, and how far behind each partition is.

    consumed: records taken from Kafka. processed: handled without an error in the end. failed: attempts that raised.
    retried: attempts made again. dead_lettered: records set aside. lost: records of batches whose results could not be
    sent, under at-most-once. rebalances: new assignments of partitions.
    begun_anew: times that a consumer was opened again after an error, such as a broker that was away.
    errors: what keeps a consumer from its work, by its name, until it works again. stopped: those that gave it up.
    """

    def __init__(self) -> None:
        self._counters = dict.fromkeys(COUNTERS, 0)
        self._lag: dict[str, int] = {}
        self._errors: dict[str, str] = {}
        self._stopped: set[str] = set()
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

    def set_error(self, consumer: str, error: BaseException | None, *, stopped: bool = False) -> None:
        """What keeps that consumer from its work, if anything does; and whether it has stopped because of it."""
        with self._lock:
            self._errors.pop(consumer, None)
            self._stopped.discard(consumer)
            if error is not None:
                self._errors[consumer] = shorten(error, LONGEST_ERROR)
            if stopped:
                self._stopped.add(consumer)

    def to_dict(self) -> dict[str, Any]:
        with self._lock:
            told = {"errors": dict(self._errors), "stopped": sorted(self._stopped)}
            return {**self._counters, "lag": dict(self._lag), **told}
