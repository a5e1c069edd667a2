"""Detectors of change: one value of a signal after the other, and an alarm when it has risen.

The detectors are river's, each with a paper of its own:
- ADWIN keeps a window as long as its two ends agree, and drops the older end when they do not (Bifet and Gavalda 2007);
- Page-Hinkley adds up by how much values lie above their mean, and compares the sum with its lowest (Page 1954);
- KSWIN draws some old values and compares their distribution with that of the newest (Raab et al. 2020).

ADWIN and KSWIN ring for a fall as well as for a rise. For an error a fall is good news: the model has learned. So an
alarm is raised only when the latest values lie above the mean since the last alarm; a fall is no alarm, and the
detector has started anew by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from river.drift import ADWIN, KSWIN, PageHinkley

LATEST = 1 / 32
"""Weight of the newest value in the mean of the latest ones."""


class Detector(Protocol):
    """Takes the next value of a signal; True: alarm, it has risen."""

    def update(self, value: float) -> bool: ...


class Rising:
    """One of river's detectors, reduced to alarms about a rise."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self._count, self._sum, self._latest = 0, 0.0, 0.0

    def update(self, value: float) -> bool:
        """Whether the signal has risen, as of this value."""
        self._count += 1
        self._sum += value
        weight = max(LATEST, 1.0 / self._count)
        self._latest += weight * (value - self._latest)
        self._detector.update(value)
        if not self._detector.drift_detected:
            return False
        rose = self._latest > self._sum / self._count
        self._count, self._sum, self._latest = 0, 0.0, 0.0
        return rose


def adwin(delta: float = 0.002) -> Detector:
    """ADWIN. delta: bound on the chance of a false alarm at a check, above 0 and below 1; smaller is calmer."""
    return Rising(ADWIN(delta=delta))


def page_hinkley(threshold: float = 50.0, delta: float = 0.005) -> Detector:
    """Page-Hinkley for a rise. threshold: sum at which it rings; larger is calmer. delta: rise that is ignored."""
    return Rising(PageHinkley(threshold=threshold, delta=delta, mode="up"))


def kswin(alpha: float = 0.005, *, seed: int = 0) -> Detector:
    """KSWIN with river's windows of 100 and 30 values. alpha: chance of a false alarm at *each* value."""
    return Rising(KSWIN(alpha=alpha, seed=seed))


MakeDetector = Callable[[], Detector]
