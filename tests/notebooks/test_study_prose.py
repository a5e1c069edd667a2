"""Where a study notebook shows a question as Markdown, it is the question's own text, word for word."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from recsys_lab.study.question import load
from tests.study.submissions import READY

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "10-study-questions-advanced.ipynb"


@pytest.mark.parametrize("question_id", [each for each in READY if each.startswith("advanced")])
def test_the_notebook_asks_what_the_question_asks(question_id: str) -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    question = load(question_id)

    for part in (question.asks, question.why, str(question.quiz), question.exercise, question.stretch):
        assert part in prose
