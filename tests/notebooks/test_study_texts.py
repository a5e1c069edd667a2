"""Where a study notebook tells a question in its own cells, it tells it as the question's file does."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from recsys_lab import study

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08-study-questions-beginner.ipynb"


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_notebook_and_the_file_say_the_same(number: int) -> None:
    question = study.question(f"beginner-{number}")
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    told = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")

    for part in (question.title, question.asks, question.why, str(question.quiz), question.exercise, question.stretch):
        assert part in told, part
