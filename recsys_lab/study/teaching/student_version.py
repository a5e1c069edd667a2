"""The student's version: the course as it is, less what gives answers away.

Left out are the solutions, the model answers, and the tests that hand in known answers. All else is as in the
teacher's copy, so that the same two commands work in it.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from recsys_lab.errors import LabError
from recsys_lab.study.questions import IDS, folder

PARTS = (
    "recsys_lab", "notebooks", "data", "docs", "scripts", "tests", "benchmarks", ".ci", "Makefile", "README.md",
    "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE", "environment.yml", "pyproject.toml",
    "requirements.lock", ".gitignore", ".gitattributes",
)  # fmt: skip
GIVES_AWAY = ("tests/study/answers",)
_NOT_OURS = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.pyc", "screenshots")
_MODEL_ANSWER = re.compile(r"^## Model answer\n.*?(?=^## )", flags=re.MULTILINE | re.DOTALL)


def write_student_version(course: Path, target: Path) -> list[Path]:
    """Copy the course to a new folder, without solutions; the files that were left out or changed.

    course: the checkout. target: a folder that does not exist yet, or is empty. Raises LabError.
    """
    if target.exists() and any(target.iterdir()):
        raise LabError(f"{target} is not empty. Name a new folder; nothing was written.")
    if target.resolve().is_relative_to(course.resolve()):
        raise LabError(f"{target} lies inside the course itself. Name a folder beside it; nothing was written.")
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = course / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=_NOT_OURS)
        elif source.is_file():
            shutil.copy2(source, target / part)
    return _without_answers(course, target)


def _without_answers(course: Path, target: Path) -> list[Path]:
    changed = []
    for question_id in IDS:
        there = target / folder(question_id).relative_to(folder(question_id).parents[3])
        solution, text = there / "solution.py", there / "question.md"
        solution.unlink()
        text.write_text(_MODEL_ANSWER.sub("", text.read_text(encoding="utf-8")), encoding="utf-8")
        changed += [solution, text]
    for part in GIVES_AWAY:
        if (target / part).is_dir():
            shutil.rmtree(target / part)
            changed.append(target / part)
    return changed
