"""Watermarks: how a stream says "I have seen everything up to here".

A watermark is a promise, not a clock: after watermark t no element with a timestamp <= t is expected. Bounded
disorder is the usual promise: the highest timestamp so far, less the bound, less one millisecond. An input that
is idle for long enough is left out, so that it doesn't hold the others back. The rules follow Apache Flink's
documentation, "Generating Watermarks"; the local runtime moves the watermark after every record, where Apache
Flink looks every 200 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.durations import duration_ms

MIN_WATERMARK = -(2**63)
"""Before anything was seen. It is also the timestamp that an assigner is told for a record that has none."""

MAX_WATERMARK = 2**63 - 1
"""The end of a bounded stream: nothing more is expected, so everything fires."""

TimestampAssigner = Callable[[Any, int], int]


@dataclass(frozen=True)
class WatermarkStrategy:
    """How a stream gets its timestamps and watermarks. Built by the class methods, refined by `with_…`.

    delay_ms: the watermark is the highest timestamp so far, less this. assigner: f(element, record_timestamp)
    → epoch ms; None takes the timestamps that the source gave. idleness_ms: after so much processing time
    without an element the stream counts as idle; None for never.
    """

    delay_ms: int
    assigner: TimestampAssigner | None = None
    idleness_ms: int | None = None

    @classmethod
    def for_bounded_out_of_orderness(cls, bound: Any) -> WatermarkStrategy:
        """Elements come at most `bound` (a timedelta, or ms) after one with a higher timestamp."""
        return cls(duration_ms("bound", bound) + 1)

    @classmethod
    def for_monotonous_timestamps(cls) -> WatermarkStrategy:
        """Timestamps never go back: the same as a bound of zero."""
        return cls(1)

    def with_timestamp_assigner(self, assigner: Any) -> WatermarkStrategy:
        """Take timestamps from f(element, record_timestamp) → epoch ms, or an object's `extract_timestamp`."""
        assigner = getattr(assigner, "extract_timestamp", assigner)
        if not callable(assigner):
            raise JobError(
                f"timestamp assigner is {shorten(assigner)}; a function (element, record_timestamp) -> ms is needed."
            )
        return replace(self, assigner=assigner)

    def with_idleness(self, duration: Any) -> WatermarkStrategy:
        """Leave the stream (or the partition of a source) out of the minimum after so long without an element.

        duration: timedelta, or ms, of processing time on the job's clock; more than zero.
        """
        return replace(self, idleness_ms=duration_ms("idleness", duration, least=1))
