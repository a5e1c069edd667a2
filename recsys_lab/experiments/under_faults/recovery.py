"""How often to take a checkpoint: time lost to crashes against time lost to checkpoints.

A job of an hour's work runs while power fails at random: the time to the next failure is exponential, so it is as
likely in the next second whatever has been. A checkpoint takes time; a crash costs the restart, and all work since
the last checkpoint. Few checkpoints lose much at each crash, many cost more than they save.

The job runs on the lab's dataflow engine, on a simulated clock that its work turns. Beside what it measures stand two
formulas. The expected time, exactly, for work in segments of `interval` seconds and failures at rate 1 / mtbf:

    (mtbf + restart) × (exp((interval + checkpoint) / mtbf) − 1)    for each segment

and the interval that makes it least, to first order √(2 × checkpoint × mtbf) (Young, "A first order approximation to
the optimum checkpoint interval", CACM 1974; Daly, "A higher order estimate …", FGCS 2006).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import JobError
from recsys_lab.flink import FlinkStreamProcessor, RestartStrategies

WORK_SECONDS = 3600
RECORD_SECONDS = 10
MTBF_SECONDS = 300.0
CHECKPOINT_SECONDS = 5.0
RESTART_SECONDS = 10.0
INTERVALS = (10, 20, 30, 60, 120, 240, 450)

MOST_RESTARTS = 1_000_000


def young(checkpoint_s: float, mtbf_s: float) -> float:
    """The best interval between checkpoints, to first order, in seconds: √(2 × checkpoint × mtbf). (Young 1974.)"""
    return math.sqrt(2.0 * checkpoint_s * mtbf_s)


def expected_seconds(
    interval_s: float,
    *,
    work_s: float = WORK_SECONDS,
    checkpoint_s: float = CHECKPOINT_SECONDS,
    mtbf_s: float = MTBF_SECONDS,
    restart_s: float = RESTART_SECONDS,
) -> float:
    """How long the work takes on average, crashes and checkpoints included.

    Exact when `interval_s` divides `work_s`, and no failure strikes during a restart.
    """
    segment = (mtbf_s + restart_s) * math.expm1((interval_s + checkpoint_s) / mtbf_s)
    return work_s / interval_s * segment


def expected_loss(
    interval_s: float, *, checkpoint_s: float = CHECKPOINT_SECONDS, mtbf_s: float = MTBF_SECONDS
) -> float:
    """How many seconds of work a crash throws away on average: nearly half of interval and checkpoint together.

    It is the mean of an exponential time that is known to end within the segment.
    """
    segment = interval_s + checkpoint_s
    return mtbf_s - segment / math.expm1(segment / mtbf_s)


def recovery(
    intervals: Sequence[int] = INTERVALS,
    seeds: Iterable[int] = range(12),
    *,
    checkpoint_s: float = CHECKPOINT_SECONDS,
    mtbf_s: float = MTBF_SECONDS,
) -> pd.DataFrame:
    """A run of the job for each interval between checkpoints and each seed of the failures.

    intervals: seconds, whole multiples of RECORD_SECONDS that divide WORK_SECONDS. checkpoint_s, mtbf_s: what a
    checkpoint takes, and the mean time from a start to the next failure, in seconds.
    Columns: interval_s, seed, seconds (from start to end), crashes, checkpoints, lost_s (work thrown away, in all),
    expected_s (see `expected_seconds`), expected_loss_s (a crash), young_s, mtbf_s, checkpoint_s.
    """
    rows = []
    for interval in intervals:
        expected = expected_seconds(interval, checkpoint_s=checkpoint_s, mtbf_s=mtbf_s)
        loss = expected_loss(interval, checkpoint_s=checkpoint_s, mtbf_s=mtbf_s)
        rows += [(interval, seed, *_run(interval, seed, checkpoint_s, mtbf_s), expected, loss) for seed in seeds]
    columns = ["interval_s", "seed", "seconds", "crashes", "checkpoints", "lost_s", "expected_s", "expected_loss_s"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(young_s=young(checkpoint_s, mtbf_s), mtbf_s=mtbf_s, checkpoint_s=checkpoint_s)


class _Ran(NamedTuple):
    seconds: float
    crashes: int
    checkpoints: int
    lost_s: float


def _run(interval: int, seed: int, checkpoint_s: float, mtbf_s: float) -> _Ran:
    power = _Power(seed, checkpoint_s, mtbf_s)
    processor = FlinkStreamProcessor(
        1,
        checkpoint_interval=interval,
        batch_size=1,
        clock=power.clock,
        restart_strategy=RestartStrategies.fixed_delay_restart(MOST_RESTARTS, timedelta(seconds=RESTART_SECONDS)),
    )
    records = processor.add_source(range(WORK_SECONDS // RECORD_SECONDS), name="work")
    records.map(power.work).sink_to(power)
    processor.execute("an hour's work")
    assert power.done == WORK_SECONDS // RECORD_SECONDS
    return _Ran(power.seconds, power.crashes, power.checkpoints, power.lost_s)


class PowerFailed(JobError):
    """What ends a life of the job."""


class _Power:
    """Lets time pass until power fails. As a sink it keeps nothing, but a checkpoint takes its time here."""

    def __init__(self, seed: int, checkpoint_s: float, mtbf_s: float) -> None:
        self.clock = SimulatedClock()
        self.done = self.crashes = self.checkpoints = 0
        self.lost_s = 0.0
        self._chance = random.Random(seed)
        self._checkpoint_s, self._mtbf_s = checkpoint_s, mtbf_s
        self._start = self._safe = self._fails = self.clock.now()
        self._since = 0  # records since the last checkpoint

    @property
    def seconds(self) -> float:
        return (self.clock.now() - self._start).total_seconds()

    def work(self, number: int) -> int:
        """A record's work."""
        self._pass(RECORD_SECONDS)
        return number

    def _pass(self, seconds: float) -> None:
        ends = self.clock.now() + timedelta(seconds=seconds)
        if ends < self._fails:
            self.clock.set(ends)
            return
        self.clock.set(self._fails)
        self.crashes += 1
        self.lost_s += (self._fails - self._safe).total_seconds()
        raise PowerFailed(f"power failed {self.seconds:.0f} s after the start")

    # -- as a sink --

    def begin(self, prepared: list[Any] | None) -> None:
        """A new life: when it will end is drawn now."""
        self.done = prepared[-1] if prepared else 0
        self._since = 0
        self._safe = self.clock.now()
        self._fails = self._later(self._chance.expovariate(1.0 / self._mtbf_s))

    def write(self, values: Sequence[Any]) -> None:
        self._since += len(values)

    def pre_commit(self) -> Any:
        if self._since:  # the last checkpoint of all has nothing new when the work ends with one
            self._pass(self._checkpoint_s)
            self.checkpoints += 1
            self.done, self._since = self.done + self._since, 0
            self._safe = self.clock.now()
        return self.done

    def commit(self, prepared: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def _later(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)
