"""The stepper: a run, one record at a time, with everything that goes on inside.

After each step it shows what the record did: how far the watermark is, which windows are open and with what in
them, which timers wait, what state each key has, what fired, what came too late, what reached the sinks. All of
it is plain data: a widget, a table or a test can use it alike.

    stepper = processor.step_through()
    while (step := stepper.step()) is not None:
        print(step.records, step.watermarks, step.output)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys_lab.errors import CheckpointError, JobError, LabError
from recsys_lab.flink.copies import independent
from recsys_lab.flink.keys import subtask_of
from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK

if TYPE_CHECKING:
    from recsys_lab.flink.processor import Execution, FlinkStreamProcessor, JobResult


@dataclass(frozen=True)
class Step:
    """What one record did.

    number: of the step, from 1. records: read in this step, by source (none in the step that ends the job).
    watermarks: of each operator afterwards, in epoch ms; None before the first, "end" after the last.
    windows: open now: operator, key, subtask, start, end, held (the accumulator). timers: pending now: operator,
    key, subtask, time, domain. state: operator, name, key, subtask, value. fired: what windows and patterns sent
    on: operator, value, timestamp. late: how many records came too late, by operator. output: what reached each sink.
    """

    number: int
    records: dict[str, list[Any]]
    watermarks: dict[str, int | str | None]
    windows: list[dict[str, Any]] = field(default_factory=list)
    timers: list[dict[str, Any]] = field(default_factory=list)
    state: list[dict[str, Any]] = field(default_factory=list)
    fired: list[dict[str, Any]] = field(default_factory=list)
    late: dict[str, int] = field(default_factory=dict)
    output: dict[str, list[Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain dicts and lists."""
        return asdict(self)


class Stepper:
    """A run that stands still between records. Use it in a `with` block, or `close` it."""

    def __init__(self, processor: FlinkStreamProcessor, execution: Execution) -> None:
        self._processor = processor
        self._execution = execution
        self._number = 0
        self._over = False
        self._failure: LabError | None = None  # that ended the job

    def __enter__(self) -> Stepper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Step]:
        while (step := self.step()) is not None:
            yield step

    def step(self) -> Step | None:
        """Let the next record through; None when the job is over. Raises what `execute` raises."""
        if self._over:
            return None
        late_before = {node.name: node.metrics["late_records"] for node in self._processor.graph.nodes}
        self._attempt(lambda: self._execution.advance(1))
        run = self._execution.run
        step = self._seen(late_before)
        if run.is_over:
            self._attempt(self._execution.finish)
            self._over = self._execution.is_done()
        return step

    def run_to_end(self) -> JobResult:
        """All that is left."""
        while self.step() is not None:
            pass
        return self.result()

    def result(self) -> JobResult:
        """The counters as of now."""
        return self._execution.result()

    def checkpoint(self) -> None:
        """Take a checkpoint between two steps, and wait until it is complete. When the job is restarted over it, it is
        one of where the job is then.
        """

        def take() -> None:
            self._execution.checkpoint()
            self._execution.commit_complete(wait=True)

        while not self._attempt(take):
            pass

    def savepoint(self, path: str | Path) -> Path:
        """Write all state to a file, from which this job can be restored. Raises JobError when it cannot be written;
        the job can go on.
        """
        told: list[CheckpointError | None] = []
        while not self._attempt(lambda: told.append(self._execution.savepoint_failed(Path(path)))):
            pass
        if told[0] is not None:
            raise JobError(f"no savepoint: {told[0]}") from told[0]
        return Path(path)

    def close(self) -> None:
        """Let go of sources, sinks and files; the job stays where it is."""
        self._over = True
        self._execution.close()

    def _attempt(self, work: Callable[[], Any]) -> bool:
        """As of the execution; a job that has failed for good stays so: what it was about is half done."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._execution.attempt(work)
        except (JobError, CheckpointError) as failure:
            self._failure = failure
            raise

    def _seen(self, late_before: dict[str, int]) -> Step:
        self._number += 1
        run = self._execution.run
        if not run.outputs:  # it failed, and starts anew from a checkpoint
            return Step(self._number, {}, {})
        step = Step(
            number=self._number,
            records={source.name: [v for part in source.parts for v in part.values] for source in run.sources},
            watermarks={operator.name: _watermark(operator.watermark) for operator in run.operators},
        )
        for operator, output in zip(run.operators, run.outputs, strict=True):
            self._look_into(operator, step)
            if operator.node.kind in ("window", "cep"):
                step.fired.extend(
                    {"operator": operator.name, "value": value, "timestamp": timestamp}
                    for value, timestamp in zip(output.values, output.all_timestamps(), strict=True)
                )
            if operator.node.kind == "sink":
                step.output[operator.name] = list(output.values)
            late = operator.metrics["late_records"] - late_before[operator.name]
            if late > 0:
                step.late[operator.name] = late
        return step

    def _look_into(self, operator: Operator, step: Step) -> None:
        def at(key: Any) -> dict[str, Any]:
            return {"operator": operator.name, "key": key, "subtask": subtask_of(key, operator.node.parallelism)}

        for name, table in operator.tables.items():
            for namespace, entries in table.data.items():
                for key, value in entries.items():
                    if name == "windows":
                        step.windows.append(
                            {**at(key), "start": namespace[0], "end": namespace[1], "held": independent(value)}
                        )
                    elif name.endswith("timers"):
                        of_window = operator.node.kind == "window"
                        domain = "processing" if name.startswith("processing") else "event"
                        step.timers.append({**at(key[0] if of_window else key), "time": namespace, "domain": domain})
                    elif name.startswith("state"):
                        state, of_map = name.removeprefix("state "), isinstance(namespace, tuple)
                        entry = {**at(namespace[1] if of_map else key), "name": state, "value": independent(value)}
                        step.state.append({**entry, "map_key": key} if of_map else entry)


def _watermark(watermark: int) -> int | str | None:
    return None if watermark == MIN_WATERMARK else "end" if watermark == MAX_WATERMARK else watermark
