"""Latencies: how long the slow ones take.

A mean hides the requests that hurt. A quantile sketch keeps the whole distribution in a few kilobytes, with a
relative error of at most 1 % at every percentile, and two sketches merge into the sketch of both. (Masson, Rim
and Lee, "DDSketch", VLDB 2019.) Latencies are measured with `perf_counter`, also where the lab's clock is
simulated; so they belong into plots and bounds, never into an output that must be the same on every run.
"""

from __future__ import annotations

import math

from ddsketch import DDSketch

PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


class LatencySketch:
    """Percentiles of durations, in bounded memory."""

    def __init__(self) -> None:
        self._sketch = DDSketch(relative_accuracy=0.01)

    @property
    def count(self) -> int:
        """How many durations were added."""
        return int(self._sketch.count)

    def add(self, seconds: float) -> None:
        """Record one duration, in seconds."""
        self._sketch.add(seconds)

    def merge(self, other: LatencySketch) -> None:
        """Take in all that the other recorded, which stays as it is."""
        self._sketch.merge(other._sketch)

    def percentile_ms(self, quantile: float) -> float:
        """The duration, in milliseconds, that this share (0 to 1) of all stayed under; NaN when there is none."""
        value = self._sketch.get_quantile_value(quantile)
        return math.nan if value is None else float(value) * 1000

    def percentiles_ms(self) -> dict[str, float]:
        """p50, p95, p99 and p99.9 in milliseconds, and the count."""
        return {**{name: self.percentile_ms(quantile) for name, quantile in PERCENTILES.items()}, "count": self.count}
