"""Where a study notebook tells a question in its own cells, it tells it as the question's file does, word for word."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from recsys_lab import study

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.mark.parametrize("question_id", study.IDS)
def test_the_notebook_and_the_file_say_the_same(question_id: str) -> None:
    question = study.question(question_id)
    (file,) = NOTEBOOKS.glob(f"*-study-questions-{question_id.rpartition('-')[0]}.ipynb")
    cells = nbformat.read(file, as_version=4).cells
    told = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")

    for part in (question.asks, question.why, str(question.quiz), question.exercise, question.stretch):
        assert part in told, part
