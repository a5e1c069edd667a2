"""Progress: what is kept of each question, in a file that survives what happens to files."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from recsys_lab import study
from recsys_lab.errors import LabError
from recsys_lab.study.questions import IDS
from tests.study.submissions import READY, run

ONE = "beginner-3"
module = import_module("recsys_lab.study.progress")  # the package has a function of that name


def solve() -> None:
    answer, _ = run(study.solution(ONE).code, ONE)
    assert study.check(ONE, answer).passed


def state() -> str:
    return study.progress().marks[ONE].state


def test_all_is_open_at_first() -> None:
    assert list(study.progress().marks) == list(IDS)
    assert {mark.state for mark in study.progress().marks.values()} == {"open"}


def test_a_refused_answer_is_a_try_and_a_stub_is_none() -> None:
    study.check(ONE, ...)
    assert state() == "open"
    study.check(ONE, object)
    assert state() == "tried"
    assert study.progress().marks[ONE].attempts == 1


def test_a_question_solved_stays_solved_and_counts_no_more_attempts(progress_file: Path) -> None:
    answer, _ = run((Path(study.__file__).parent / "questions/beginner_3/solution.py").read_text(), ONE)
    study.check(ONE, object)
    study.check(ONE, answer)
    study.check(ONE, object)
    study.solution(ONE)

    assert state() == "solved"
    assert study.progress().marks[ONE].attempts == 2


def test_a_look_at_the_solution_before_is_shown_on_the_map() -> None:
    solve()
    assert state() == "solved after a look"


def test_hints_come_one_after_the_other_and_are_counted() -> None:
    given = [str(study.hint(ONE)) for _ in range(4)]

    assert [text[:15] for text in given] == ["**Hint 1 of 3.*", "**Hint 2 of 3.*", "**Hint 3 of 3.*", "**Hint 3 of 3.*"]
    assert study.hint(ONE, 1) == given[0]
    assert "none of them" in study.hint(ONE, 9)
    assert study.progress().marks[ONE].hints == 3


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"{", b"[1, 2]", b'{"version": 1, "questions": {"beginner-3": 7}}', b"\xff\x00",
        b'{"version": 1, "questions": {"beginner-\xff": {}}}', b'{"version": 1, "more": ' + b"[" * 10**5,
    ],
    ids=["empty", "begun", "list", "mark", "bytes", "key", "deep"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_set_aside_and_never_lost(progress_file: Path, broken: bytes) -> None:
    progress_file.write_bytes(broken)

    with pytest.warns(UserWarning, match="could not be read"):
        assert state() == "open"

    assert progress_file.with_suffix(".unreadable").read_bytes() == broken
    study.check(ONE, object)
    assert state() == "tried"


def test_each_file_that_is_set_aside_has_a_name_of_its_own(progress_file: Path) -> None:
    for broken in (b"{", b"[", b"]"):
        progress_file.write_bytes(broken)
        with pytest.warns(UserWarning, match="could not be read"):
            study.check(ONE, object)

    kept = {file.name: file.read_bytes() for file in progress_file.parent.glob("*.unreadable")}
    assert kept == {"progress.unreadable": b"{", "progress.2.unreadable": b"[", "progress.3.unreadable": b"]"}


@pytest.mark.parametrize("inside", [False, True], ids=["folder", "dot"])
def test_a_folder_where_the_file_should_be_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RECSYS_LAB_PROGRESS", "." if inside else str(folder))

    with pytest.warns(UserWarning, match="is not a file"):
        study.check(ONE, object)

    assert (folder / "mine.txt").read_text() == "mine"
    assert list(tmp_path.glob("*.unreadable")) == []


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_file_that_cannot_be_read_just_now_is_neither_moved_nor_written(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    solve()
    before = progress_file.read_bytes()

    def fails(_: Path) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as now:
        now.setattr(Path, "read_bytes", fails)
        with pytest.warns(UserWarning, match=os.strerror(number)):
            study.check("beginner-1", object)

    assert progress_file.read_bytes() == before
    assert not progress_file.with_suffix(".unreadable").exists()


def test_two_notebooks_at_the_same_question_lose_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, others = module._alone, [study.check]

    @contextmanager
    def alone_after_another() -> Iterator[None]:
        if others:
            others.pop()(ONE, object)
        with alone():
            yield

    monkeypatch.setattr(module, "_alone", alone_after_another)
    study.check(ONE, object)

    assert study.progress().marks[ONE].attempts == 2


def notes(ids: tuple[str, ...], ready: Any) -> None:
    ready.wait()
    for _ in range(30):
        for each in ids:
            module.note(each, lambda mark: mark.tried(solved=False))


def test_notes_of_several_notebooks_at_once_are_all_kept() -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(3)
    notebooks = [context.Process(target=notes, args=(IDS[first::3], ready)) for first in range(3)]
    for each in notebooks:
        each.start()
    for each in notebooks:
        each.join()

    assert [each.exitcode for each in notebooks] == [0, 0, 0]
    assert {mark.attempts for mark in study.progress().marks.values()} == {30}


def test_a_lock_that_is_never_given_back_is_not_waited_for(
    progress_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 0.05)
    with progress_file.with_name("progress.json.lock").open("a") as side:
        fcntl.flock(side, fcntl.LOCK_EX)
        study.check(ONE, object)
    assert state() == "tried"


def test_without_locks_progress_is_kept_all_the_same(progress_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fcntl", None)
    study.check(ONE, object)
    assert state() == "tried"


def test_where_the_lock_cannot_be_made_progress_is_kept_all_the_same(progress_file: Path) -> None:
    progress_file.with_name("progress.json.lock").mkdir()
    study.check(ONE, object)
    assert state() == "tried"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    monkeypatch.setenv("RECSYS_LAB_PROGRESS", str(folder / "progress.json"))
    with pytest.warns(UserWarning, match="progress is not kept"):
        assert not study.check(ONE, object).passed


def test_a_path_that_leads_through_a_file_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSYS_LAB_PROGRESS", str(tmp_path / "file" / "progress.json"))
    with pytest.warns(UserWarning, match="progress"):
        assert not study.check(ONE, object).passed


@pytest.mark.skipif(len(READY) < len(IDS), reason="not all questions are there yet")
def test_the_map_says_how_many_are_solved() -> None:
    assert study.progress().map().finding == "0 of 12 questions solved"
    solve()
    assert study.progress().map().finding == "1 of 12 questions solved"


def test_an_unknown_id_is_refused_with_those_there_are() -> None:
    for ask in (study.question, study.hint, study.solution):
        with pytest.raises(LabError, match="beginner-1, beginner-2"):
            ask("beginner-9")
    with pytest.raises(LabError, match="question id is 'x'"):
        study.check("x", 1)
