"""What comes back from students becomes one piece of code for each student and question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recsys_lab.errors import LabError
from recsys_lab.study.teaching.submissions import collect, left_out


def a_notebook(file: Path, *cells: tuple[str, str, str]) -> None:
    """cells: id, tag or "", source."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = [
        {"cell_type": "code", "id": name, "source": source.splitlines(keepends=True), "outputs": [],
         "execution_count": None, "metadata": {"tags": [tag]} if tag else {}}
        for name, tag, source in cells
    ]  # fmt: skip
    file.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_files_belong_to_the_student_whose_folder_or_name_they_bear(tmp_path: Path) -> None:
    for name in (
        "ann/beginner-3.py",
        "ann/answers/advanced_1.py",
        "bob-beginner-3.py",
        "ann/notes.py",
        "bob/readme.md",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {name}")

    found = [(each.student, each.question_id, each.code) for each in collect(tmp_path)]

    assert found == [
        ("ann", "beginner-3", "# ann/beginner-3.py"),
        ("ann", "advanced-1", "# ann/answers/advanced_1.py"),
        ("bob", "beginner-3", "# bob-beginner-3.py"),
    ]


def test_of_a_notebook_the_answers_count_with_all_imports_and_the_students_own_helpers(tmp_path: Path) -> None:
    course = ("start", "", "from collections import Counter\nhuge = experiments.run()")
    a_notebook(tmp_path / "course" / "08.ipynb", course, ("a3", "answer:beginner-3", "def live(): return ..."))
    a_notebook(
        tmp_path / "in" / "ann" / "08.ipynb",
        course,
        (
            "mine",
            "",
            "import math\nTWO = 2\nshown = print('work')\ndef twice(x):\n    return TWO * x\nraise SystemExit",
        ),
        ("magic", "", "%time x = await y"),
        ("a3", "answer:beginner-3",
         "from __future__ import annotations\ndef live(): return twice(math.floor(2.5)), Counter('aa')"),
    )  # fmt: skip

    (submission,) = collect(tmp_path / "in", tmp_path / "course")
    names = run(submission.code)

    assert (submission.student, submission.question_id) == ("ann", "beginner-3")
    assert names["live"]() == (4, {"a": 2})
    assert "huge" not in names
    assert "shown" not in names


def test_what_editors_and_browsers_do_to_a_file_does_not_cost_its_answer(tmp_path: Path) -> None:
    (tmp_path / "ann-Beginner_3.py").write_text("x = 1", encoding="utf-8-sig")
    a_notebook(
        tmp_path / "bob.ipynb",
        ("a", "answer:beginner-3", "%%time\nx = 1\n!ls"),
        ("b", "answer:beginner-4", "y = (7\n% 4)"),
    )
    (tmp_path / "bob.ipynb").write_text((tmp_path / "bob.ipynb").read_text(), encoding="utf-8-sig")

    ann, bob, remainder = collect(tmp_path)

    assert (ann.student, ann.question_id, run(ann.code)["x"]) == ("ann", "beginner-3", 1)
    assert run(bob.code)["x"] == 1
    assert run(remainder.code)["y"] == 3


def test_files_from_which_nothing_was_taken_are_named(tmp_path: Path) -> None:
    for name in ("ann/beginner-3.py", "bob/beginner-3 (1).py", "cid/beginner-3.txt", "dan/.cache/x.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x = 1")
    a_notebook(tmp_path / "eve.ipynb", ("a", "", "x = 1"))

    assert [str(file) for file in left_out(tmp_path)] == ["bob/beginner-3 (1).py", "cid/beginner-3.txt", "eve.ipynb"]


def test_a_notebook_beside_others_is_named_after_its_student(tmp_path: Path) -> None:
    a_notebook(tmp_path / "ann.ipynb", ("a", "answer:beginner-1", "x = 1"), ("b", "answer:beginner-9", "y = 1"))

    assert [(each.student, each.question_id) for each in collect(tmp_path)] == [("ann", "beginner-1")]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 7}', '{"cells": [{"cell_type": "code"}]}'])
def test_a_notebook_that_cannot_be_read_is_told_for_each_of_its_questions(tmp_path: Path, content: str) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "08-study-questions-beginner.ipynb").write_text(content)

    found = collect(tmp_path)

    assert [each.question_id for each in found] == [f"beginner-{number}" for number in (1, 2, 3, 4)]
    assert all("not a notebook that can be read" in each.unreadable for each in found)


def test_a_folder_with_nothing_to_judge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"ann/beginner-3\.py"):
        collect(tmp_path)
