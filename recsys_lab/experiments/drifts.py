"""Drift: how the simulated world changes under a recommender's feet.

Each drift is a small value that says what changes and when, counted from the start of the simulation. The
names are the field's (Gama et al., "A survey on concept drift adaptation", 2014): abrupt, gradual, recurring.
Drifts can be combined in one simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from recsys_lab.errors import InvalidEvent, shorten

DAY = timedelta(days=1)
Days = NDArray[np.float64]  # times as days since the start of the simulation


@dataclass(frozen=True)
class AbruptDrift:
    """At a moment all tastes are drawn anew.

    at: when, since the start of the simulation.
    """

    at: timedelta

    def __post_init__(self) -> None:
        _check_moment("AbruptDrift.at", self.at)

    def progress(self, days: Days) -> Days:
        """How much of the new taste holds at each time: 0 before, 1 from `at` on."""
        return (days >= self.at / DAY).astype(np.float64)

    def moments(self) -> tuple[timedelta, ...]:
        return (self.at,)


@dataclass(frozen=True)
class GradualDrift:
    """Tastes move in a straight line to ones drawn anew.

    start, end: the first and last moment of the change, since the start of the simulation.
    """

    start: timedelta
    end: timedelta

    def __post_init__(self) -> None:
        _check_moment("GradualDrift.start", self.start)
        _check_moment("GradualDrift.end", self.end)
        if self.end <= self.start:
            raise InvalidEvent(
                f"GradualDrift.end is {self.end}, not after its start {self.start}; "
                "give a later end, or use AbruptDrift(at=…)"
            )

    def progress(self, days: Days) -> Days:
        """How much of the new taste holds at each time: 0 until `start`, 1 from `end` on."""
        return np.clip((days - self.start / DAY) / ((self.end - self.start) / DAY), 0.0, 1.0)

    def moments(self) -> tuple[timedelta, ...]:
        return (self.start, self.end)


@dataclass(frozen=True)
class Season:
    """One category is sought more, again and again: most at `peak`, not at all more half a period later.

    category: one of the simulation's categories. peak: when it is sought most, since the start of the
    simulation. period: from peak to peak. strength: how many times more it is sought at the peak, less one
    (3.0: four times as much).
    """

    category: str
    peak: timedelta
    period: timedelta
    strength: float = 3.0

    def __post_init__(self) -> None:
        _check_moment("Season.peak", self.peak)
        _check_moment("Season.period", self.period)
        if not self.period:
            raise InvalidEvent("Season.period is 0; a positive timedelta is needed")
        if not 0.0 < self.strength < 1_000.0:
            raise InvalidEvent(f"Season.strength is {shorten(self.strength)}; a number in 0…1000 is needed")

    def boost(self, days: Days) -> Days:
        """By what the wish for the category is multiplied at each time: 1 to 1 + strength."""
        turns = (days - self.peak / DAY) / (self.period / DAY)
        nearness: Days = 0.5 + 0.5 * np.cos(2.0 * np.pi * turns)
        return 1.0 + self.strength * nearness


@dataclass(frozen=True)
class NewItems:
    """At a moment more items appear, spread over the categories; some of them become popular.

    at: when, since the start of the simulation. count: how many, on top of the simulation's `items`.
    """

    at: timedelta
    count: int

    def __post_init__(self) -> None:
        _check_moment("NewItems.at", self.at)
        if not isinstance(self.count, int) or isinstance(self.count, bool) or self.count < 1:
            raise InvalidEvent(f"NewItems.count is {shorten(self.count)}; a whole number from 1 up is needed")

    def moments(self) -> tuple[timedelta, ...]:
        return (self.at,)


Drift = AbruptDrift | GradualDrift | Season | NewItems


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, timedelta) or moment < timedelta(0):
        raise InvalidEvent(
            f"{name} is {shorten(moment)}; a timedelta since the start is needed, such as timedelta(days=10)"
        )
