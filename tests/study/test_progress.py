"""Progress: what is kept of each question, in a file that survives what happens to files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recsys_lab import study
from recsys_lab.errors import LabError
from recsys_lab.study.questions import IDS
from tests.study.submissions import READY, run

ONE = "beginner-3"


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
    "broken", [b"", b"{", b"[1, 2]", b'{"version": 1, "questions": {"beginner-3": 7}}', b"\xff\x00"]
)
def test_a_file_that_cannot_be_read_is_set_aside_and_never_lost(progress_file: Path, broken: bytes) -> None:
    progress_file.write_bytes(broken)

    with pytest.warns(UserWarning, match="could not be read"):
        assert state() == "open"

    assert progress_file.with_suffix(".unreadable").read_bytes() == broken
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
