"""Each question has all its parts; right answers pass, wrong ones are refused for the right reason, stubs neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys_lab import study
from recsys_lab.study.question import answer_name
from recsys_lab.study.questions import IDS, folder
from tests.study.submissions import READY, files, named, question_of, run

ENOUGH_WRONG, ENOUGH_RIGHT = 4, 1  # beside the solution


def test_there_are_twelve_questions_four_to_a_level() -> None:
    assert len(IDS) == 12
    assert [each.rpartition("-")[2] for each in IDS] == ["1", "2", "3", "4"] * 3


@pytest.mark.parametrize("question_id", READY)
def test_a_question_is_read_with_all_its_parts(question_id: str) -> None:
    question = study.question(question_id)

    assert len(question.hints) == 3
    assert len(question.quiz.options) >= 3
    assert all(option.because for option in question.quiz.options.values())
    assert question.answer in question.stub
    assert question.stub in str(question)
    assert len(study.solution(question_id).self_assessment) >= 3


@pytest.mark.parametrize("question_id", READY)
def test_the_quiz_has_one_right_option_and_says_why(question_id: str) -> None:
    options = study.question(question_id).quiz.options
    reports = {letter: study.quiz(question_id, letter) for letter in options}

    assert [letter for letter, report in reports.items() if report.passed] == [
        letter for letter, option in options.items() if option.right
    ]
    assert not study.quiz(question_id, ...).attempted
    assert "none of a, b" in repr(study.quiz(question_id, "z"))


@pytest.mark.parametrize("question_id", READY)
def test_an_unanswered_stub_is_not_attempted_yet(question_id: str) -> None:
    answer, _ = run(study.question(question_id).stub, question_id)

    assert repr(study.check(question_id, answer)) == "not attempted yet"
    assert repr(study.check(question_id, ...)) == "not attempted yet"


@pytest.mark.parametrize("question_id", READY)
def test_the_solution_passes(question_id: str) -> None:
    answer, _ = run(study.solution(question_id).code, question_id)

    report = study.check(question_id, answer)

    assert report.passed, report


@pytest.mark.parametrize("file", files("right_*.py"), ids=named)
def test_a_right_answer_of_another_build_passes(file: Path) -> None:
    answer, _ = run(file.read_text(), question_of(file))

    report = study.check(question_of(file), answer)

    assert report.passed, report


@pytest.mark.parametrize("file", files("wrong_*.py"), ids=named)
def test_a_wrong_answer_is_refused_for_the_right_reason(file: Path) -> None:
    answer, names = run(file.read_text(), question_of(file))

    report = study.check(question_of(file), answer)

    assert report.attempted
    assert not report.passed
    assert names["TOLD"] in repr(report)


@pytest.mark.parametrize("question_id", READY)
@pytest.mark.parametrize(
    "answer", [None, 7, "text", [], {}, object(), print, type, lambda: None, lambda *_, **__: None]
)
def test_what_is_no_answer_at_all_is_a_report_and_not_an_error(question_id: str, answer: object) -> None:
    assert not study.check(question_id, answer).passed


@pytest.mark.parametrize("question_id", READY)
def test_there_are_enough_answers_to_judge_the_check_by(question_id: str) -> None:
    of_this = [file.stem for file in files("*.py") if question_of(file) == question_id]

    assert sum(name.startswith("wrong_") for name in of_this) >= ENOUGH_WRONG
    assert sum(name.startswith("right_") for name in of_this) >= ENOUGH_RIGHT


@pytest.mark.parametrize("question_id", READY)
def test_solution_and_stub_define_the_same_name(question_id: str) -> None:
    stub, solution = (answer_name((folder(question_id) / file).read_text()) for file in ("stub.py", "solution.py"))
    assert stub == solution
