"""The student's version has everything but the answers, and its questions can still be read and judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_lab.errors import LabError
from recsys_lab.study.questions import IDS, folder
from recsys_lab.study.teaching.student_version import write_student_version
from tests.study.submissions import READY

COURSE = Path(__file__).resolve().parents[3]
whole = pytest.mark.skipif(len(READY) < len(IDS), reason="not all questions are there yet")


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("course") / "for students"
    write_student_version(COURSE, target)
    return target


@whole
def test_no_file_of_it_holds_a_solution_or_a_known_answer(handed_out: Path) -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in handed_out.rglob("*.py"))
    prose = "\n".join(file.read_text(encoding="utf-8") for file in handed_out.rglob("question.md"))

    assert not list(handed_out.rglob("solution.py"))
    assert "## Model answer" not in prose
    for question_id in IDS:
        solution = (folder(question_id) / "solution.py").read_text(encoding="utf-8")
        for line in solution.splitlines():
            interface = line.lstrip().startswith(("def ", "async def ", '"""'))  # told to students as well
            assert interface or len(line) <= 70 or line not in text, question_id


@whole
def test_its_questions_are_read_and_judged_and_only_solutions_refused(handed_out: Path) -> None:
    code = (
        "from recsys_lab import study\n"
        "for each in study.IDS:\n"
        "    study.question(each), study.hint(each), study.quiz(each, 'a')\n"
        "    try: study.solution(each)\n"
        "    except Exception as error: print(error)\n"
        "print(study.check('beginner-3', dict))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=handed_out, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(handed_out)},
    ).stdout.splitlines()  # fmt: skip

    assert shown[: len(IDS)] == [
        f"the solution of {each} is not part of this version; ask your teacher." for each in IDS
    ]
    assert shown[-1].startswith("✗")


@whole
def test_the_two_commands_are_there(handed_out: Path) -> None:
    assert (handed_out / "Makefile").is_file()
    assert (handed_out / "notebooks" / "00-start-here.ipynb").is_file()
    assert (handed_out / "data" / "online-retail.parquet").stat().st_size > 1_000_000


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all I have")

    with pytest.raises(LabError, match="not empty"):
        write_student_version(COURSE, tmp_path)

    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_inside_the_course_is_refused() -> None:
    with pytest.raises(LabError, match="inside the course"):
        write_student_version(COURSE, COURSE / "notebooks" / "students")
