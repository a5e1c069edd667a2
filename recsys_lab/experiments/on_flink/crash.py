"""A job that dies at a record of your choice, is restored from its last checkpoint, and runs on.

It counts, for each customer, and sends every new count to two sinks: a transactional one (files that are shown
when a checkpoint is complete) and a plain one (a function that is called). Afterwards both sinks and the state
are held against those of a run without a crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from recsys_lab.errors import JobError
from recsys_lab.flink import FileSink, FlinkStreamProcessor, KeyedProcessFunction, ValueStateDescriptor

RECORDS = 30
CUSTOMERS = ("ann", "bob", "cas")


class PowerCut(Exception):
    """What ends the first life of the job."""


class Counter(KeyedProcessFunction):
    """Counts the records of each customer; yields every new count."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", int))

    def process_element(self, value: Any, ctx: Any) -> Iterator[str]:
        self.count.update((self.count.value() or 0) + 1)
        yield f"{ctx.get_current_key()} {self.count.value()}"


def crash(*, at: int = 18, every: int = 7, parallelism: int = 4) -> pd.DataFrame:
    """What two lives of a job did, and what its sinks held in the end.

    at: the record at which the first life ends, 1 to 30. every: a checkpoint after so many records. parallelism:
    of the second life; the first has two.
    Columns: what, number, life, copies, right. A row is one of: record (number; life: 1 or 2 that worked on it),
    checkpoint (number: of records that it covers; life: that took it), plain or transactional (number: of the
    record whose result it is; copies: in that sink in the end; right: in a run without a crash), state (number:
    of the customer; copies: the count in the end; right: without a crash).
    """
    with TemporaryDirectory() as folder:
        whole = _Life(Path(folder) / "whole", parallelism=1, every=every)
        whole.run(dies_at=None)
        first = _Life(Path(folder) / "job", parallelism=2, every=every)
        first.run(dies_at=at)
        second = _Life(Path(folder) / "job", parallelism=parallelism, every=every)
        second.run(dies_at=None)
        plain, committed = first.plain + second.plain, second.committed()
        rows: list[tuple[Any, ...]] = [
            ("record", number, life, 1, 1) for life, each in ((1, first), (2, second)) for number in each.worked
        ]
        rows += [
            ("checkpoint", covered, life, 1, 1)
            for life, each in ((1, first), (2, second))
            for covered in each.checkpoints()
        ]
        for number, result in enumerate(whole.plain, start=1):
            rows.append(("plain", number, 0, plain.count(result), whole.plain.count(result)))
            rows.append(("transactional", number, 0, committed.count(result), whole.committed().count(result)))
        for number, customer in enumerate(CUSTOMERS, start=1):
            rows.append(("state", number, 0, second.state[customer], whole.state[customer]))
    table = pd.DataFrame(rows, columns=["what", "number", "life", "copies", "right"])
    return table.assign(at=at, every=every, parallelism=parallelism)


class _Life:
    """One run of the job over its folder: from the latest checkpoint there, if there is one, until it ends or dies.

    worked: numbers of the records that reached it. plain: what the plain sink was given. state: count of each
    customer in the end.
    """

    def __init__(self, folder: Path, *, parallelism: int, every: int) -> None:
        self._folder, self._parallelism, self._every = folder, parallelism, every
        self._files = FileSink(folder / "results")
        self.worked: list[int] = []
        self.plain: list[str] = []
        self.state: dict[str, int] = {}

    def run(self, dies_at: int | None) -> None:
        def reached(number: int) -> int:
            if number == dies_at:
                raise PowerCut(f"at record {number}")
            self.worked.append(number)
            return number

        processor = FlinkStreamProcessor(
            self._parallelism,
            checkpoint_interval=None,
            checkpoint_every=self._every,
            checkpoint_dir=self._folder / "checkpoints",
        )
        stream = processor.add_source(range(1, RECORDS + 1), name="numbers").map(reached)
        counts = stream.key_by(_customer).process(Counter())
        counts.sink_to(self._files)
        counts.sink(self.plain.append)
        stepper = processor.step_through("counts", restore_from="latest")
        try:
            with stepper:
                for step in stepper:
                    self.state = {entry["key"]: entry["value"] for entry in step.state}
        except JobError:
            if dies_at is None:
                raise

    def checkpoints(self) -> list[int]:
        """How many records each checkpoint of this life covers."""
        if not self.worked:
            return []
        last = self.worked[-1] if self.worked[-1] < RECORDS else RECORDS - 1  # the one at the end is no news
        return [n for n in range(self._every, last + 1, self._every) if n >= self.worked[0]]

    def committed(self) -> list[str]:
        """What the transactional sink shows."""
        return self._files.lines()


def _customer(number: int) -> str:
    return CUSTOMERS[number % len(CUSTOMERS)]
