"""The answers that tests hand in: files under `answers`, right_*.py and wrong_*.py, one folder for each question.

A wrong one opens with what is wrong, as a learner would have written it, and says in TOLD what the report must tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recsys_lab.study.question import answer_name
from recsys_lab.study.questions import IDS, folder

ANSWERS = Path(__file__).parent / "answers"
READY = tuple(each for each in IDS if folder(each).is_dir())


def files(pattern: str) -> list[Path]:
    """Files of answers to questions that are there, such as `wrong_*.py`."""
    return [file for each in READY for file in sorted((ANSWERS / folder(each).name).glob(pattern))]


def question_of(file: Path) -> str:
    return file.parent.name.replace("_", "-")


def named(file: Path) -> str:
    return f"{question_of(file)} {file.stem}"


def run(code: str, question_id: str) -> tuple[Any, dict[str, Any]]:
    """The answer that the code defines, as in a notebook, and all else that it defines."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, question_id, "exec"), names)
    stub = (folder(question_id) / "stub.py").read_text()
    return names[answer_name(stub)], names
