"""FlinkStreamProcessor: build a dataflow, then run it, step through it, or let it fail and go on.

    sources → transformations → sinks          built here, as a graph (`graph`)
    execute                                    the local runtime (`runtime`), or another
    checkpoints, restarts                      what makes a crash unseen (`checkpoints`, `restarts`)

Everything that decides a result is handed in: the records, the functions, the clock. A job gives the same
results for every parallelism and batch size, with and without checkpoints, stepped or run, crashed or not.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from recsys_lab.clock import Clock, SimulatedClock, SystemClock
from recsys_lab.errors import CheckpointError, JobError, LabError, shorten
from recsys_lab.flink.checkpoints import (
    Checkpoints,
    FolderStorage,
    Identity,
    MemoryStorage,
    Storage,
    restore_point,
    write_savepoint,
)
from recsys_lab.flink.durations import epoch_ms, moment_of
from recsys_lab.flink.graph import JobGraph, StreamOperator
from recsys_lab.flink.keys import KEY_GROUPS
from recsys_lab.flink.restarts import RestartStrategies, RestartStrategy
from recsys_lab.flink.runtime import MIN_FOR_CHANGES, Run
from recsys_lab.flink.sources import as_source
from recsys_lab.flink.streams import DataStream
from recsys_lab.flink.submission import chosen

POLL_SECONDS = 0.002
"""How long the runtime rests when no source has anything to read."""

LONGEST_CHAIN = 200
"""So many checkpoints may build upon each other before one is written whole."""

_log = logging.getLogger(__name__)


class JobResult(NamedTuple):
    """What a run came to.

    records_in: read from sources. records_out: handed to sinks. late_records: dropped, or sent to a side
    output, because they came too late. checkpoints: completed, savepoints too. restarts: after failures. All but
    the last two count each record once, however often the job was restarted.
    """

    job_name: str
    records_in: int
    records_out: int
    late_records: int
    checkpoints: int
    restarts: int
    last_checkpoint: str | None


class FlinkStreamProcessor:
    """Builds and runs a dataflow.

    parallelism: subtasks that the keys of an operator are divided among, 1 to 128. checkpoint_interval: seconds
    of the job's clock between checkpoints; None for none. checkpoint_every: records between checkpoints,
    instead or besides. checkpoint_dir: where to keep them; in memory if not given. checkpoints_kept: the last
    so many. restart_strategy: see RestartStrategies; a failure ends the job by default. clock: the job's
    processing time; the machine's by default. batch_size: records worked through at once; changes no result.
    """

    def __init__(
        self,
        parallelism: int = 4,
        checkpoint_interval: float | None = 30,
        *,
        checkpoint_every: int | None = None,
        checkpoint_dir: str | Path | None = None,
        checkpoints_kept: int = 3,
        restart_strategy: RestartStrategy | None = None,
        clock: Clock | None = None,
        batch_size: int = 2_048,
    ) -> None:
        self.parallelism = _whole("parallelism", parallelism, KEY_GROUPS)
        self.checkpoint_interval = checkpoint_interval
        if checkpoint_interval is not None and not _is_positive(checkpoint_interval):
            raise JobError(
                f"checkpoint_interval is {shorten(checkpoint_interval)}; seconds above 0 are needed, or None."
            )
        self.checkpoint_every = None if checkpoint_every is None else _whole("checkpoint_every", checkpoint_every)
        self.checkpoint_dir = None if checkpoint_dir is None else Path(checkpoint_dir)
        self.checkpoints_kept = _whole("checkpoints_kept", checkpoints_kept)
        self.restart_strategy = restart_strategy or RestartStrategies.no_restart()
        self.clock: Clock = SystemClock() if clock is None else clock
        self.batch_size = _whole("batch_size", batch_size)
        self.graph = JobGraph()
        self._savepoint_to: Path | None = None
        self._stopped = False

    @property
    def operators(self) -> list[StreamOperator]:
        """The nodes of the job graph, each after those before it."""
        return list(self.graph.nodes)

    def add_source(self, source_function: Any, *, name: str | None = None) -> DataStream:
        """A stream from a source: a Source, a list, an EventStream, an iterable, or a function returning one."""
        source = as_source(source_function, name, self.clock)
        node = self.graph.add("source", source, (), 1)
        node.name = f"source-{node.number}"
        if name is not None:
            self.graph.rename(node, name)
        return DataStream(self, node)

    def execute(
        self, job_name: str = "RecommendationJob", *, runtime: Any = "local", restore_from: str | Path | None = None
    ) -> JobResult:
        """Run the job until its sources end.

        runtime: "local", or an object with `execute(processor, job_name, restore_from)`. restore_from: the path
        of a checkpoint or savepoint, or "latest" of `checkpoint_dir`. Raises JobError when it cannot be built or
        fails for good, CheckpointError when there is a checkpoint that cannot be used.
        """
        self._stopped = False  # whoever asks from now on means this run, be it only being opened
        runtime = chosen(runtime)
        if runtime != "local":
            if not callable(getattr(runtime, "execute", None)):
                raise JobError(f'runtime is {shorten(runtime)}; "local" is one, ApacheFlink() another.')
            result: JobResult = runtime.execute(self, job_name, restore_from)
            return result
        return Execution(self, job_name, restore_from).run_to_end()

    def step_through(self, job_name: str = "RecommendationJob", *, restore_from: str | Path | None = None) -> Any:
        """The run, record by record: see `Stepper`."""
        from recsys_lab.flink.stepper import Stepper

        return Stepper(self, Execution(self, job_name, restore_from))

    def savepoint(self, path: str | Path) -> None:
        """Ask the running job for a savepoint: it is written after the records at hand. From any thread.

        A path that cannot be written is told in the log, and the job goes on.
        """
        self._savepoint_to = Path(path)

    def stop(self) -> None:
        """Ask the running job to end with a checkpoint, without firing what is unfinished. From any thread."""
        self._stopped = True


class Execution:
    """A job from its start to its end, over restarts: runs, checkpoints, commits."""

    def __init__(self, processor: FlinkStreamProcessor, job_name: str, restore_from: str | Path | None) -> None:
        if not processor.graph.nodes:
            raise JobError("the job has no source; add_source begins one.")
        self.processor = processor
        self.job_name = job_name
        self.clock = processor.clock
        self.identity = Identity(job_name, processor.graph.signature())
        folder = processor.checkpoint_dir
        self.storage: Storage = MemoryStorage() if folder is None else FolderStorage(folder)
        known = None if folder is None else self.storage
        self._restored = restore_point(restore_from, known, self.identity)
        self.checkpoints = Checkpoints(self.storage, self.identity, processor.checkpoints_kept)
        self.restarts = 0
        self._changed_since_whole = 0  # values written since the last checkpoint that was whole
        self.run = self._new_run()
        self.attempt(lambda: _open(self.run, self._restored))  # a restart opens a run of its own
        self._clear_mark()

    def run_to_end(self) -> JobResult:
        """Run, restart as the strategy says, give the result."""
        try:
            while not self.is_done():
                if self.run.is_over or self.processor._stopped:
                    self.attempt(self.finish)
                else:
                    self.attempt(lambda: self.advance(self.processor.batch_size))
        finally:
            self.close()
        return self.result()

    def is_done(self) -> bool:
        """Whether the run has ended, and all is committed."""
        return self.run.is_finished

    def attempt(self, work: Callable[[], Any]) -> bool:
        """Do some work; when it fails, restart from the latest checkpoint, or give up. Whether it was done."""
        try:
            work()
        except (JobError, CheckpointError) as error:
            self._restart(error)
            return False
        return True

    def advance(self, most: int) -> int:
        """One round of at most so many records, and what is due between rounds; gives how many there were."""
        every = self.processor.checkpoint_every
        if every is not None:
            most = max(1, min(most, self._next_at - self.run.records))
        count = self.run.round(most)
        self.commit_complete(wait=False)
        if not self.run.is_over and self._is_due():
            self.checkpoint()
        asked = self.processor._savepoint_to
        if asked is not None:
            error = self.savepoint_failed(asked)  # a failure of the job is raised, and the savepoint taken later
            if error is not None:
                _log.warning("no savepoint for job %r: %s", self.job_name, error)
            if self.processor._savepoint_to is asked:
                self.processor._savepoint_to = None
        if count == 0 and not self.run.is_over:
            time.sleep(POLL_SECONDS)
        return count

    def checkpoint(self) -> None:
        """Take a checkpoint now; it is written while the job goes on."""
        values, changed = self.run.size()
        full = (
            values < MIN_FOR_CHANGES
            or not self.checkpoints.can_build_upon(LONGEST_CHAIN)
            or self._changed_since_whole + changed > 10 * values
        )
        self._changed_since_whole = 0 if full else self._changed_since_whole + changed
        self._start_checkpoint(full)

    def savepoint_failed(self, path: Path) -> CheckpointError | None:
        """Take a savepoint; gives why it could not be written, no failure of the job. It is a checkpoint first,
        complete and committed: what sinks have shown by it must not come again after a failure.
        """
        self.commit_complete(wait=True)
        self._changed_since_whole = 0
        content = self._start_checkpoint(full=True)
        self.commit_complete(wait=True)
        try:
            write_savepoint(path, content, self.identity)
        except CheckpointError as error:
            return error
        return None

    def finish(self) -> None:
        """The last checkpoint, and commit."""
        if self._takes_checkpoints():
            self.checkpoint()
            self.commit_complete(wait=True)
        else:
            number = self.checkpoints.next_number()
            for sink in self.run.sinks:
                sink.pre_commit(number)
            self.run.commit(number)
        self.run.is_finished = True

    def close(self) -> None:
        """Let go of everything; checkpoints that are being written are complete afterwards."""
        self._commit_what_is_complete()
        self.checkpoints.close()
        self.run.close()

    def result(self) -> JobResult:
        """The counters as of now."""
        nodes = self.processor.graph.nodes
        latest = self.checkpoints.latest
        return JobResult(
            job_name=self.job_name,
            records_in=sum(node.metrics["records_out"] for node in nodes if node.kind == "source"),
            records_out=sum(node.metrics["records_in"] for node in nodes if node.kind == "sink"),
            late_records=sum(node.metrics["late_records"] for node in nodes),
            checkpoints=self.checkpoints.completed,
            restarts=self.restarts,
            last_checkpoint=None if latest is None else self.storage.name(latest),
        )

    def _start_checkpoint(self, full: bool) -> dict[str, Any]:
        content = self.run.snapshot(full, self.checkpoints.next_number())
        self.checkpoints.start(content, full)
        self._clear_mark()
        return content

    def _new_run(self, earlier: Run | None = None) -> Run:
        """A run to be opened. earlier: whose sources ended where this one's end, too."""
        run = Run(self.processor.graph, self.clock, self._takes_checkpoints())
        if earlier is not None:
            for source, before in zip(run.sources, earlier.sources, strict=True):
                source.ends = before.ends
        return run

    def _restart(self, failure: LabError) -> None:
        """A restart that fails is the next failure."""
        is_open = False
        while not is_open:
            wait_ms = self.processor.restart_strategy.delay_ms(self.restarts + 1)
            if wait_ms is None:
                raise failure
            self.restarts += 1
            self._commit_what_is_complete()
            self.run.close()
            self.checkpoints.forget_chain()
            _wait(self.clock, wait_ms)
            try:
                run = self._new_run(self.run)
                _open(run, self.checkpoints.load_latest() or self._restored)
                self.run, is_open = run, True
            except LabError as error:
                failure = error
        self._clear_mark()

    def _commit_what_is_complete(self) -> None:
        """After a failure: a checkpoint that was under way is complete all the same. What cannot be committed now is
        committed by the run that begins from the last of them: it holds all that was still to be committed.
        """
        with contextlib.suppress(JobError, CheckpointError):
            self.commit_complete(wait=True)
        self.checkpoints.wait()

    def _takes_checkpoints(self) -> bool:
        return self.processor.checkpoint_interval is not None or self.processor.checkpoint_every is not None

    def _is_due(self) -> bool:
        interval = self.processor.checkpoint_interval
        if self.processor.checkpoint_every is not None and self.run.records >= self._next_at:
            return True
        return interval is not None and epoch_ms(self.clock.now()) - self._last_ms >= interval * 1000

    def _clear_mark(self) -> None:
        """Count records and time to the next checkpoint from here."""
        every = self.processor.checkpoint_every or 0
        self._next_at = (self.run.records // every + 1) * every if every else 0
        self._last_ms = epoch_ms(self.clock.now())

    def commit_complete(self, wait: bool) -> None:
        """Let the sinks commit what complete checkpoints hold."""
        for number in self.checkpoints.finished(wait):
            self.run.commit(number)


def _open(run: Run, chain: list[dict[str, Any]] | None) -> None:
    """Let a run go on from a checkpoint; what it took is let go when it cannot."""
    try:
        run.open(chain)
    except BaseException:
        run.close()
        raise


def _wait(clock: Clock, milliseconds: int) -> None:
    if isinstance(clock, SimulatedClock):
        clock.advance(moment_of(milliseconds) - moment_of(0))
    else:
        time.sleep(milliseconds / 1000)


def _whole(name: str, value: Any, most: int | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1 or (most is not None and value > most):
        upper = f" to {most}" if most is not None else " up"
        raise JobError(f"{name} is {shorten(value)}; a whole number from 1{upper} is needed.")
    return value


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
