"""Requests that are answered in batches by one machine, through five loads: what a batcher's decisions cost.

A batch costs a fixed time and a little for each request, so large batches carry more; and each request in it waits for
the others. Requests arrive at random (a Poisson process), at another rate in each of the five loads; in one of them a
neighbour's job makes the machine four times slower. The batcher is asked whenever the machine is free and a request
is waiting: how many to send at most, and how long the oldest may have waited by then. What has arrived while the
machine was busy counts as waiting.

Time is simulated, in milliseconds. Only what happens is computed, batch by batch, which is a hundred times faster than
an event for each request; the tests hold it against a discrete-event simulation that has them all.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys_lab.errors import shorten

BOUND_MS = 200.0
"""What the 99th percentile of the time from arrival to answer may be, in each load."""

FIXED_MS, EACH_MS = 10.0, 1.0
"""What a batch costs, and each request in it; on a machine that nobody else uses, give or take a tenth."""

NOISE = 0.1
LOAD_SECONDS = 120.0
MOST_WAIT_MS = 60_000.0


class NoPlan(ValueError):
    """A plan that cannot be followed."""


@dataclass(frozen=True)
class Load:
    """Requests a second, and how many times slower the machine is."""

    per_second: float
    slower: float = 1.0

    def __str__(self) -> str:
        slow = f" on a machine {self.slower:g} × slower" if self.slower != 1 else ""
        return f"{self.per_second:g} a second{slow}"


DAY = (Load(50), Load(600), Load(100, slower=4), Load(400), Load(20))


class Batcher(Protocol):
    """Decides on each batch, and is told what came of it."""

    def plan(self, waiting: int, oldest_ms: float) -> tuple[int, float]:
        """The most requests in the next batch, and the age of the oldest at which it is sent in any case, in ms.

        waiting: requests there are, 1 at least. oldest_ms: for how long the oldest of them has waited.
        """

    def done(self, size: int, service_ms: float, worst_ms: float) -> Any:
        """A batch was answered: its size, how long the machine took, the time from arrival to answer of its oldest."""


@dataclass(frozen=True)
class Fixed:
    """A batcher that always decides the same."""

    size: int
    wait_ms: float

    def plan(self, waiting: int, oldest_ms: float) -> tuple[int, float]:
        return self.size, self.wait_ms

    def done(self, size: int, service_ms: float, worst_ms: float) -> None: ...


class Batch(NamedTuple):
    """Requests `first` to `last` (exclusive) of the arrivals, when they were sent and answered, in ms."""

    first: int
    last: int
    sent_ms: float
    service_ms: float

    @property
    def answered_ms(self) -> float:
        return self.sent_ms + self.service_ms


@dataclass(frozen=True)
class Day:
    """When each request arrives, in ms, and in which load; the loads follow one another."""

    loads: tuple[Load, ...]
    arrivals: list[float]
    load_of: list[int]
    noise: list[float]

    def load_at(self, ms: float) -> Load:
        """The load at that time; the last one goes on for ever."""
        return self.loads[min(int(ms / (1000 * LOAD_SECONDS)), len(self.loads) - 1)]


@cache
def a_day(loads: tuple[Load, ...] = DAY, *, seed: int = 3) -> Day:
    """Two minutes of each load."""
    rng = np.random.default_rng(seed)
    length = 1000 * LOAD_SECONDS
    arrivals: list[npt.NDArray[np.float64]] = [
        np.sort(rng.uniform(number * length, (number + 1) * length, rng.poisson(load.per_second * LOAD_SECONDS)))
        for number, load in enumerate(loads)
    ]
    load_of = np.repeat(np.arange(len(loads)), [len(each) for each in arrivals])
    noise = rng.uniform(1 - NOISE, 1 + NOISE, len(load_of))
    return Day(loads, np.concatenate(arrivals).tolist(), load_of.tolist(), noise.tolist())


def work(batcher: Batcher, day: Day) -> Iterator[Batch]:
    """The batches of a day, one after the other. Raises NoPlan where a plan cannot be followed."""
    arrivals = day.arrivals
    first, free = 0, 0.0
    for noise in day.noise:
        now = max(free, arrivals[first])
        waiting = bisect_right(arrivals, now, first) - first
        size, wait = _plan(batcher.plan(waiting, now - arrivals[first]))
        full = arrivals[first + size - 1] if first + size <= len(arrivals) else math.inf
        sent = max(now, min(arrivals[first] + wait, full))
        last = min(first + size, bisect_right(arrivals, sent, first))
        service = (FIXED_MS + EACH_MS * (last - first)) * noise * day.load_at(sent).slower
        free = sent + service
        yield Batch(first, last, sent, service)
        batcher.done(last - first, service, free - arrivals[first])
        if last == len(arrivals):
            return
        first = last


def _plan(plan: Any) -> tuple[int, float]:
    """The plan as numbers. Raises NoPlan."""
    try:
        size, wait = plan
        number, wait_ms = int(size), float(wait)
        good = number >= 1 and number == size and 0 <= wait_ms <= MOST_WAIT_MS
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise NoPlan(
            f"a plan is a whole number of requests, 1 or more, and milliseconds from 0 to {MOST_WAIT_MS:,.0f}, and "
            f"this is {shorten(plan)}."
        )
    return number, wait_ms


def measure(batches: Sequence[Batch], day: Day) -> pd.DataFrame:
    """A row for each load: load (in words), per_second, slower, requests, batches, size, p50_ms, p99_ms, late.

    batches: that were sent in it. size: requests in a batch, on average. late: share of requests over BOUND_MS.
    """
    answered = np.repeat([each.answered_ms for each in batches], [each.last - each.first for each in batches])
    taken = answered - np.array(day.arrivals)
    load_of = np.array(day.load_of)
    batch_load = load_of[[each.first for each in batches]]
    rows = []
    for number, load in enumerate(day.loads):
        own = taken[load_of == number]
        sent = int((batch_load == number).sum())
        p50, p99 = np.percentile(own, [50, 99])
        rows.append(
            {"load": str(load), "per_second": load.per_second, "slower": load.slower, "requests": len(own),
             "batches": sent, "size": len(own) / max(1, sent), "p50_ms": p50, "p99_ms": p99,
             "late": float((own > BOUND_MS).mean())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def batched_day(batcher: Batcher, *, seed: int = 3) -> pd.DataFrame:
    """What a batcher makes of the five loads of DAY; columns as of `measure`, and bound_ms."""
    day = a_day(seed=seed)
    return measure(list(work(batcher, day)), day).assign(bound_ms=BOUND_MS)


def fixed_batches(*, size: int, wait_ms: float) -> pd.DataFrame:
    """What a fixed setting makes of the five loads of DAY; columns as of `batched_day`."""
    return batched_day(Fixed(size, wait_ms))


SIZES = (20, 40, 60, 80, 100, 150, 200)
WAITS = tuple(range(0, 200, 10))


def settings() -> list[Fixed]:
    """The fixed settings that are compared: from those with the largest and rarest batches on."""
    return [Fixed(size, float(wait)) for wait in reversed(WAITS) for size in reversed(SIZES)]


@cache
def best_fixed(*, seed: int = 3) -> tuple[Fixed, int]:
    """Of all fixed settings that keep the bound in each load, the one with the fewest batches, and how many."""
    day = a_day(seed=seed)
    best: tuple[Fixed, int] | None = None
    for setting in settings():
        batches = _batches_in_time(setting, day, fewer_than=best[1] if best else len(day.arrivals))
        if batches is not None:
            best = setting, batches
    assert best is not None, "sending at once keeps the bound"
    return best


def _batches_in_time(setting: Fixed, day: Day, fewer_than: int) -> int | None:
    """How many batches a setting sends that keeps the bound; None once it is clear that it doesn't, or sends more."""
    may_be_late = [0.01 * requests for requests in np.bincount(day.load_of)]
    late = [0] * len(day.loads)
    count = 0
    for batch in work(setting, day):
        count += 1
        load, in_time = day.load_of[batch.first], batch.answered_ms - BOUND_MS
        late[load] += bisect_left(day.arrivals, in_time, batch.first, batch.last) - batch.first
        if late[load] > may_be_late[load] or count >= fewer_than:
            return None
    return count
