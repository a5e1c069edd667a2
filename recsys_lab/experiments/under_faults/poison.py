"""A record that always fails, one that fails for a while, and three ways to live with them.

    restart the job        every failure is a crash: back to the checkpoint, and to the same record again
    drop what fails        catch the error, go on, say nothing
    retry, then set aside  try again after a pause; what still fails goes to the dead letters, with its reason

Each runs as a job of the lab's dataflow engine over the same log.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import JobError
from recsys_lab.flink import FlinkStreamProcessor, ListSink, OutputTag, ProcessFunction, RestartStrategies

RECORDS = 30
POISON, FLAKY = 12, 20
TROUBLE = 2
"""So many attempts at the flaky record fail."""

ATTEMPTS = 3
RESTARTS = 5
PAUSE = timedelta(seconds=2)

WAYS = ("restart the job", "drop what fails", "retry, then set aside")

DEAD = OutputTag("dead letters")


class Poison(ValueError):
    """This record will never work."""


class Trouble(TimeoutError):
    """This may pass."""


def poison() -> pd.DataFrame:
    """All three ways, over the same thirty records: what became of each, and when.

    Columns: way, second, record (from 1), attempt, fate: done, failed, dropped, set aside; and for each way, the same
    in each row: results (in the sink), restarts, ended (whether the job came to the end of the log).
    """
    return pd.concat([_Trial(way).run() for way in WAYS], ignore_index=True)


class _Trial:
    def __init__(self, way: str) -> None:
        self.way = way
        self.clock = SimulatedClock()
        self.start = self.clock.now()
        self.attempts: dict[int, int] = {}
        self.rows: list[tuple[float, int, int, str]] = []

    def run(self) -> pd.DataFrame:
        processor = FlinkStreamProcessor(
            1, checkpoint_interval=None, checkpoint_every=5, batch_size=1, clock=self.clock,
            restart_strategy=RestartStrategies.fixed_delay_restart(RESTARTS, PAUSE),
        )  # fmt: skip
        records = processor.add_source(range(1, RECORDS + 1), name="visits")
        results, dead = ListSink(), ListSink()
        if self.way == WAYS[0]:
            worked = records.map(self.work)
        elif self.way == WAYS[1]:
            worked = records.flat_map(self._or_nothing)
        else:
            worked = records.process(_Patient(self))
            worked.get_side_output(DEAD).sink_to(dead)
        worked.sink_to(results)
        ended = True
        try:
            restarts = processor.execute(self.way).restarts
        except JobError:
            ended, restarts = False, RESTARTS
        table = pd.DataFrame(self.rows, columns=["second", "record", "attempt", "fate"])
        table.insert(0, "way", self.way)
        return table.assign(results=len(results), restarts=restarts, ended=ended)

    def work(self, record: int) -> int:
        """A second's work on a record. Raises Poison or Trouble."""
        self.clock.advance(timedelta(seconds=1))
        self.attempts[record] = self.attempts.get(record, 0) + 1
        if record == POISON:
            self.note(record, "failed")
            raise Poison(f"record {record} has no price")
        if record == FLAKY and self.attempts[record] <= TROUBLE:
            self.note(record, "failed")
            raise Trouble("the price list does not answer")
        self.note(record, "done")
        return record

    def note(self, record: int, fate: str) -> None:
        second = (self.clock.now() - self.start).total_seconds()
        self.rows.append((second, record, self.attempts[record], fate))

    def _or_nothing(self, record: int) -> Iterable[int]:
        try:
            return [self.work(record)]
        except Exception:
            self.note(record, "dropped")
            return []


class _Patient(ProcessFunction):
    """Tries again what may pass, sets aside what may not, or not in time."""

    def __init__(self, trial: _Trial) -> None:
        self._trial = trial

    def process_element(self, value: int, ctx: Any) -> Iterable[Any]:
        why = ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                yield self._trial.work(value)
                return
            except Poison as error:
                why = str(error)
                break
            except Trouble as error:
                why = str(error)
                if attempt < ATTEMPTS:
                    self._trial.clock.advance(PAUSE)
        self._trial.note(value, "set aside")
        yield DEAD, {"record": value, "why": why}
