"""What a restart has to hold: commits in order, restarts that fail themselves, savepoints, a disk that is full."""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import CheckpointError, JobError
from recsys_lab.flink import FileSink, FlinkStreamProcessor, ListSink, MapFunction, RestartStrategies
from recsys_lab.flink.checkpoints import Checkpoints, FolderStorage, Identity
from recsys_lab.flink.functions import OperatorFailed

NUMBERS = list(range(40))
IDENTITY = Identity("job", ["source"])


def restarting(**settings: Any) -> FlinkStreamProcessor:
    """Restarts up to ten times, at once; a checkpoint every four records."""
    strategy = RestartStrategies.fixed_delay_restart(10, 0)
    given = {"checkpoint_every": 4, "batch_size": 1, "restart_strategy": strategy, "clock": SimulatedClock()}
    return FlinkStreamProcessor(**{**given, **settings})


class FailsOnce:
    """A function that passes values on, and fails once at one of them."""

    def __init__(self, at: int) -> None:
        self.at: int | None = at

    def __call__(self, value: int) -> int:
        if value == self.at:
            self.at = None
            raise ValueError("once")
        return value


# -- commits ---------------------------------------------------------------------------------------------------------


class CommitsFail(ListSink):
    """Fails in its commits of these numbers (counted from 1)."""

    def __init__(self, *which: int) -> None:
        super().__init__()
        self.which = set(which)
        self.commits = 0

    def commit(self, prepared: Any) -> None:
        self.commits += 1
        if self.commits in self.which:
            raise OSError("no answer")
        super().commit(prepared)


class Numbered:
    """Leaves out transactions up to the last number that it knows, as a KafkaSink does."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.committed = self.number = 0
        self.open: list[Any] = []

    def begin(self, prepared: list[Any] | None) -> None:
        self.open = []
        for transaction in prepared or ():
            self.commit(transaction)
        self.number = max([self.committed, *(transaction["number"] for transaction in prepared or ())])

    def write(self, values: Sequence[Any]) -> None:
        self.open.extend(values)

    def pre_commit(self) -> Any:
        records, self.open = self.open, []
        self.number += 1
        return {"number": self.number, "records": records}

    def commit(self, prepared: Any) -> None:
        if prepared["number"] > self.committed:
            self.values += prepared["records"]
            self.committed = prepared["number"]

    def close(self) -> None:
        self.open = []


@pytest.mark.parametrize("failing", [(2,), (2, 3), (2, 3, 4), (1,), (5, 7)])
@pytest.mark.parametrize("in_folder", [False, True])
def test_no_commit_overtakes_one_that_failed(in_folder: bool, failing: tuple[int, ...], tmp_path: Path) -> None:
    processor = restarting(checkpoint_dir=tmp_path if in_folder else None)
    first, second = CommitsFail(*failing), Numbered()
    numbers = processor.add_source(NUMBERS)
    numbers.sink_to(first)
    numbers.sink_to(second)
    processor.execute()
    assert first.values == NUMBERS
    assert second.values == NUMBERS


@pytest.mark.parametrize("failing", [(1,), (1, 2), (1, 2, 3)])
def test_commits_of_several_complete_checkpoints_are_made_in_order(failing: tuple[int, ...], tmp_path: Path) -> None:
    from recsys_lab.flink.processor import Execution

    processor = restarting(checkpoint_dir=tmp_path)
    first, second = CommitsFail(*failing), Numbered()
    numbers = processor.add_source(NUMBERS)
    numbers.sink_to(first)
    numbers.sink_to(second)
    execution = Execution(processor, "several", None)
    for _ in range(3):  # none of them is committed yet
        execution.run.round(4)
        execution.checkpoint()
    execution.attempt(lambda: execution.commit_complete(wait=True))
    execution.run_to_end()
    assert first.values == NUMBERS
    assert second.values == NUMBERS


# -- restarts that fail themselves -----------------------------------------------------------------------------------


class FailsAt(ListSink):
    """Raises an OSError at the n-th call of one of its methods (and at those that follow, so many in all)."""

    def __init__(self, method: str, nth: int, times: int = 1) -> None:
        super().__init__()
        self.method, self.nth, self.times = method, nth, times
        self.calls = 0

    def begin(self, prepared: list[Any] | None) -> None:
        self._perhaps("begin")
        super().begin(prepared)

    def pre_commit(self) -> Any:
        self._perhaps("pre_commit")
        return super().pre_commit()

    def _perhaps(self, method: str) -> None:
        if method == self.method:
            self.calls += 1
            if self.nth <= self.calls < self.nth + self.times:
                raise OSError("disk gone")


@pytest.mark.parametrize(("method", "nth", "restarts"), [("begin", 2, 4), ("pre_commit", 2, 4)])
def test_a_restart_or_a_checkpoint_that_fails_is_the_next_failure(method: str, nth: int, restarts: int) -> None:
    processor = restarting()
    sink = FailsAt(method, nth, times=3)
    processor.add_source(NUMBERS).map(FailsOnce(at=33)).sink_to(sink)
    assert processor.execute().restarts == restarts
    assert sink.values == NUMBERS


class Connects(MapFunction):
    """Cannot be opened at first."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.opened = 0

    def open(self, runtime_context: Any) -> None:
        self.opened += 1
        if self.opened <= self.failures:
            raise ConnectionError("no model yet")

    def map(self, value: Any) -> Any:
        return value


@pytest.mark.parametrize("is_stepped", [False, True])
def test_what_fails_when_a_job_is_first_opened_is_restarted_too(is_stepped: bool) -> None:
    processor = restarting()
    connects, sink = Connects(2), FailsAt("begin", 1, times=3)
    processor.add_source(NUMBERS).map(connects).sink_to(sink)
    result = processor.step_through().run_to_end() if is_stepped else processor.execute()
    assert result.restarts == 5
    assert connects.opened == 6
    assert sink.values == NUMBERS


def test_a_job_that_can_never_be_opened_ends_after_the_attempts_of_the_strategy() -> None:
    processor = restarting()
    connects = Connects(10**9)
    processor.add_source(NUMBERS).map(connects).sink_to(ListSink())
    with pytest.raises(OperatorFailed, match="no model yet"):
        processor.execute()
    assert connects.opened == 1 + 10


def test_a_job_restored_that_cannot_be_opened_at_first_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def job(connects: Connects, fails: FailsOnce, **settings: Any) -> FlinkStreamProcessor:
        processor = restarting(checkpoint_dir=tmp_path, **settings)
        processor.add_source(NUMBERS).map(connects).map(fails).sink_to(sink)
        return processor

    sink = ListSink()
    with pytest.raises(OperatorFailed, match="once"):
        job(Connects(0), FailsOnce(13), restart_strategy=RestartStrategies.no_restart()).execute()
    result = job(Connects(2), FailsOnce(-1)).execute(restore_from="latest")
    assert (result.restarts, sink.values) == (2, NUMBERS)


@pytest.mark.parametrize("wanted", ["checkpoint", "savepoint"])
def test_a_failure_while_the_stepper_is_asked_for_a_checkpoint_is_restarted(wanted: str, tmp_path: Path) -> None:
    processor = restarting()
    sink = FailsAt("pre_commit", 2)
    processor.add_source(NUMBERS).sink_to(sink)
    with processor.step_through() as stepper:
        for _ in range(6):
            stepper.step()
        if wanted == "checkpoint":
            stepper.checkpoint()
        else:
            assert stepper.savepoint(tmp_path / "saved").is_file()
        assert (stepper.result().restarts, stepper.result().records_in) == (1, 4)
        stepper.run_to_end()
    assert sink.values == NUMBERS


def test_a_stepper_whose_job_has_failed_for_good_goes_no_further(tmp_path: Path) -> None:
    """What the failed checkpoint would have saved is in no later one."""
    processor = restarting(restart_strategy=RestartStrategies.no_restart())
    sink = FailsAt("pre_commit", 1)
    processor.add_source(NUMBERS).sink_to(sink)
    with processor.step_through() as stepper:
        stepper.step()
        for go_on in (stepper.checkpoint, stepper.checkpoint, stepper.step, lambda: stepper.savepoint(tmp_path / "s")):
            with pytest.raises(OperatorFailed, match="disk gone"):
                go_on()
    assert (sink.values, list(tmp_path.iterdir())) == ([], [])


def test_a_restart_that_always_fails_ends_after_the_attempts_of_the_strategy() -> None:
    processor = restarting()
    sink = FailsAt("begin", 2, times=10**9)
    processor.add_source(NUMBERS).map(FailsOnce(at=10)).sink_to(sink)
    with pytest.raises(OperatorFailed, match="disk gone"):
        processor.execute()
    assert sink.calls == 1 + 10


@pytest.mark.parametrize(("method", "nth"), [("begin", 1), ("pre_commit", 1)])
@pytest.mark.parametrize("interval", [None, 30])
def test_a_sink_that_fails_without_a_restart_is_named(method: str, nth: int, interval: int | None) -> None:
    processor = FlinkStreamProcessor(checkpoint_interval=interval)
    processor.add_source(NUMBERS).sink_to(FailsAt(method, nth))
    with pytest.raises(OperatorFailed, match=r"'sink-.*disk gone") as failed:
        processor.execute()
    assert isinstance(failed.value.cause, OSError)


def test_a_source_that_cannot_tell_its_splits_is_named() -> None:
    from recsys_lab.flink import ListSource

    class Unreachable(ListSource):
        def splits(self) -> list[str]:
            raise OSError("no route")

    processor = FlinkStreamProcessor()
    processor.add_source(Unreachable(NUMBERS), name="numbers").sink(print)
    with pytest.raises(OperatorFailed, match=r"'numbers'.*no route"):
        processor.execute()


# -- a disk that is full for a moment --------------------------------------------------------------------------------


def fill_the_disk_at(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """The n-th write comes to 10 bytes, and then there is no space, once."""
    write = os.write
    calls = 0

    def writes(descriptor: int, raw: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == nth:
            return write(descriptor, raw[:10])
        if calls == nth + 1:
            raise OSError(errno.ENOSPC, "no space left")
        return write(descriptor, raw)

    monkeypatch.setattr(os, "write", writes)


def a_checkpoint(records: int) -> dict[str, Any]:
    return {"operators": {}, "sinks": {}, "records": records, "turn": 0}


def test_a_save_that_failed_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_the_disk_at(monkeypatch, 1)
    checkpoints = Checkpoints(FolderStorage(tmp_path), IDENTITY, 3)
    for records in (1, 2):
        checkpoints.start(a_checkpoint(records), full=True)
    for _ in range(2):
        with pytest.raises(CheckpointError, match="no space left"):
            list(checkpoints.finished(wait=True))
    assert (checkpoints.latest, list(tmp_path.iterdir())) == (None, [])
    checkpoints.forget_chain()
    checkpoints.start(a_checkpoint(3), full=True)
    assert list(checkpoints.finished(wait=True)) == [3]
    latest = checkpoints.load_latest()
    assert latest is not None
    assert latest[-1]["records"] == 3
    checkpoints.close()


@pytest.mark.parametrize("nth", [1, 3, 6])
def test_a_job_goes_on_when_the_disk_was_full_for_a_moment(
    nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_the_disk_at(monkeypatch, nth)
    processor = restarting(checkpoint_dir=tmp_path)
    sink = ListSink()
    processor.add_source(NUMBERS).sink_to(sink)
    result = processor.execute()
    assert result.restarts == 1
    assert sink.values == NUMBERS
    assert all(path.name.startswith("chk-") for path in tmp_path.iterdir())
    storage, identity = FolderStorage(tmp_path), Identity("RecommendationJob", processor.graph.signature())
    checkpoints = Checkpoints(storage, identity, 3)
    for number in storage.numbers():
        checkpoints.latest = number
        assert checkpoints.load_latest()


# -- savepoints ------------------------------------------------------------------------------------------------------


class AsksForASavepoint:
    """A function that passes values on, and asks the job for a savepoint at one of them."""

    def __init__(self, processor: FlinkStreamProcessor, at: int, path: Path) -> None:
        self.processor, self.at, self.path = processor, at, path

    def __call__(self, value: int) -> int:
        if value == self.at:
            self.processor.savepoint(self.path)
        return value


@pytest.mark.parametrize("settings", [{}, {"checkpoint_every": None, "checkpoint_interval": None}])
@pytest.mark.parametrize("in_folder", [False, True])
def test_a_failure_after_a_savepoint_shows_nothing_twice(
    in_folder: bool, settings: dict[str, Any], tmp_path: Path
) -> None:
    processor = restarting(checkpoint_dir=tmp_path / "chk" if in_folder else None, **settings)
    plain, numbered, files = ListSink(), Numbered(), FileSink(tmp_path / "out")
    numbers = processor.add_source(NUMBERS).map(AsksForASavepoint(processor, 5, tmp_path / "saved")).map(FailsOnce(7))
    for sink in (plain, numbered, files):
        numbers.sink_to(sink)
    assert processor.execute().restarts == 1
    assert plain.values == NUMBERS
    assert numbered.values == NUMBERS
    assert files.lines() == [str(number) for number in NUMBERS]


def test_a_job_restored_from_a_savepoint_commits_what_it_holds(tmp_path: Path) -> None:
    class NeverCommits(FileSink):
        def commit(self, prepared: Any) -> None:
            if prepared["part"] is not None and prepared["part"] > 0:
                raise OSError("killed")
            super().commit(prepared)

    def job(sink: FileSink) -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(checkpoint_every=4, batch_size=1)
        processor.add_source(NUMBERS).sink_to(sink)
        return processor

    for first, steps in ((FileSink(tmp_path / "out"), 6), (NeverCommits(tmp_path / "other"), 3)):
        with job(first).step_through() as stepper:
            for _ in range(steps):
                stepper.step()
            stepper.savepoint(tmp_path / "saved")
            for _ in range(9):  # seen, or killed: taken back in any case
                try:
                    stepper.step()
                except JobError:
                    break
        again = FileSink(first.folder)
        job(again).execute(restore_from=tmp_path / "saved")
        assert again.lines() == [str(number) for number in NUMBERS]


def test_a_savepoint_that_cannot_be_written_ends_no_running_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    processor = FlinkStreamProcessor(checkpoint_every=4, batch_size=1)
    sink = ListSink()
    processor.add_source(NUMBERS).map(AsksForASavepoint(processor, 5, tmp_path / "file" / "saved")).sink_to(sink)
    with caplog.at_level(logging.WARNING):
        assert processor.execute().restarts == 0
    assert sink.values == NUMBERS
    assert [record.getMessage().count("cannot be written") for record in caplog.records] == [1]


def test_whoever_asks_the_stepper_for_a_savepoint_is_told_and_can_go_on(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    processor = FlinkStreamProcessor(checkpoint_every=4)
    sink = ListSink()
    processor.add_source(NUMBERS).sink_to(sink)
    with processor.step_through() as stepper:
        for _ in range(6):
            stepper.step()
        with pytest.raises(JobError, match=r"no savepoint.*cannot be written"):
            stepper.savepoint(tmp_path / "folder")
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]
        stepper.run_to_end()
    assert sink.values == NUMBERS


# -- stopping --------------------------------------------------------------------------------------------------------


def test_a_stop_while_the_job_opens_counts() -> None:
    class StopsTheJob(ListSink):
        def begin(self, prepared: list[Any] | None) -> None:
            if prepared is None:
                processor.stop()
            super().begin(prepared)

    processor = restarting()
    sink = StopsTheJob()
    processor.add_source(NUMBERS).sink_to(sink)
    assert processor.execute().records_in == 0
    assert processor.execute().records_in == 0  # asked anew


def test_a_stopped_job_can_be_executed_again() -> None:
    processor = restarting()
    sink = ListSink()
    processor.add_source(NUMBERS).sink_to(sink)
    processor.stop()  # before it runs: of no effect
    assert processor.execute().records_in == len(NUMBERS)


# -- checkpoints that build upon others ------------------------------------------------------------------------------


def many_keys(folder: Path | None, start: int = 0) -> tuple[FlinkStreamProcessor, ListSink]:
    """Running sums of so many keys that checkpoints hold changes only."""
    processor, sink = FlinkStreamProcessor(checkpoint_every=1_000, checkpoint_dir=folder, batch_size=1_000), ListSink()
    stream = [(i % 1_500, i + start) for i in range(7_000)]
    summed = processor.add_source(stream).key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
    summed.sink_to(sink)
    return processor, sink


def stop_after(folder: Path, rounds: int, start: int = 0) -> None:
    with many_keys(folder, start)[0].step_through() as stepper:
        for _ in range(rounds):
            stepper._execution.advance(1_000)


def test_a_partial_checkpoint_is_refused_under_another_name(tmp_path: Path) -> None:
    stop_after(tmp_path, 5)
    shutil.copy(tmp_path / "chk-000005", tmp_path / "backup")
    with pytest.raises(CheckpointError, match=r"backup holds only what changed since chk-.*as chk-000005.*savepoint"):
        many_keys(None)[0].execute(restore_from=tmp_path / "backup")
    processor, sink = many_keys(None)
    processor.execute(restore_from=tmp_path / "chk-000005")
    plain, all_of_it = many_keys(None)
    plain.execute()
    assert sink.values == all_of_it.values[5_000:]


def test_a_base_from_another_run_or_under_another_number_is_refused(tmp_path: Path) -> None:
    for name, start in (("one", 0), ("other", 7)):
        stop_after(tmp_path / name, 5, start)
    base = min(path.name for path in (tmp_path / "one").iterdir())
    for source in (tmp_path / "other" / base, tmp_path / "one" / "chk-000003"):
        mixed = tmp_path / f"mixed-{source.parent.name}"
        shutil.copytree(tmp_path / "one", mixed)
        shutil.copy(source, mixed / base)
        with pytest.raises(CheckpointError, match=r"builds upon|built upon"):
            many_keys(None)[0].execute(restore_from=mixed / "chk-000005")


# -- all of it at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_failures_wherever_they_come_lose_and_double_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    write = os.write

    def writes(descriptor: int, raw: bytes) -> int:
        if chance.random() < 0.05:
            write(descriptor, raw[:10])
            raise OSError(errno.ENOSPC, "no space left")
        return write(descriptor, raw)

    class Unsteady(Numbered):
        def begin(self, prepared: list[Any] | None) -> None:
            fail(prepared is not None)
            super().begin(prepared)

        def pre_commit(self) -> Any:
            fail()
            return super().pre_commit()

        def commit(self, prepared: Any) -> None:
            fail()
            super().commit(prepared)

    def fail(possible: bool = True) -> None:
        if possible and chance.random() < 0.1:
            raise OSError("unsteady")

    monkeypatch.setattr(os, "write", writes)
    processor = restarting(
        checkpoint_dir=tmp_path / "chk",
        checkpoint_every=chance.choice([1, 3, 10]),
        checkpoints_kept=chance.choice([1, 3]),
        restart_strategy=RestartStrategies.fixed_delay_restart(10_000, 0),
    )
    sinks = [Unsteady(), ListSink(), FileSink(tmp_path / "out"), Unsteady()]
    numbers = processor.add_source(NUMBERS).map(FailsOnce(chance.randrange(40)))
    numbers = numbers.map(AsksForASavepoint(processor, chance.randrange(40), tmp_path / "saved"))
    for sink in sinks:
        numbers.sink_to(sink)
    assert processor.execute().restarts >= 1
    for sink in sinks:
        seen = [int(line) for line in sink.lines()] if isinstance(sink, FileSink) else sink.values
        assert seen == NUMBERS
