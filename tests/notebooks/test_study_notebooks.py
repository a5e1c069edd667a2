"""The study notebooks answered: with every solution they run and all checks pass; each wrong answer is refused in them.

A cell tagged `answer:beginner-1` holds the stub, one tagged `check:beginner-1` hands it in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from recsys_lab.study.questions import folder
from tests.study.submissions import files, question_of

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*study-questions*.ipynb"))
SECONDS_PER_CELL = 300

pytestmark = pytest.mark.integration


def tagged(notebook: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """Question id and cell, for the cells of that kind."""
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            name, _, question_id = tag.partition(":")
            if name == kind:
                yield question_id, cell


def ids_of(path: Path) -> list[str]:
    return [question_id for question_id, _ in tagged(nbformat.read(path, as_version=4), "answer")]


def run_with(path: Path, answers: dict[str, str], progress: Path) -> dict[str, str]:
    """What the check of each question says when these answers stand in its cell; all cells are run."""
    notebook = nbformat.read(path, as_version=4)
    for question_id, cell in tagged(notebook, "answer"):
        cell.source = answers.get(question_id, cell.source)
    _execute(notebook, progress)
    return {question_id: _shown(cell) for question_id, cell in tagged(notebook, "check")}


def run_rounds(path: Path, rounds: list[dict[str, str]], progress: Path) -> list[dict[str, str]]:
    """The same for several sets of answers, in one kernel: its first cell, answers and checks alone."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    checks = dict(tagged(notebook, "check"))
    handed_in = [{each: nbformat.v4.new_code_cell(checks[each].source) for each in answers} for answers in rounds]
    notebook.cells = [first]
    for answers, check_cells in zip(rounds, handed_in, strict=True):
        for question_id, code in answers.items():
            notebook.cells += [nbformat.v4.new_code_cell(code), check_cells[question_id]]
    _execute(notebook, progress)
    return [{question_id: _shown(cell) for question_id, cell in each.items()} for each in handed_in]


def _execute(notebook: Any, progress: Path) -> None:
    first = nbformat.v4.new_code_cell(f"import os; os.environ['RECSYS_LAB_PROGRESS'] = {str(progress)!r}")
    notebook.cells.insert(0, first)
    NotebookClient(
        notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()


def _shown(cell: Any) -> str:
    texts = [output.get("data", {}).get("text/plain", output.get("text", "")) for output in cell.outputs]
    return "\n".join(texts)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_question_has_its_stub_and_its_check(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    level = re.sub(r".*-", "", path.stem)
    expected = [f"{level}-{number}" for number in (1, 2, 3, 4)]

    assert [question_id for question_id, _ in tagged(notebook, "answer")] == expected
    assert [question_id for question_id, _ in tagged(notebook, "check")] == expected
    for question_id, cell in tagged(notebook, "answer"):
        stub = (folder(question_id) / "stub.py").read_text(encoding="utf-8")
        assert cell.source.strip() == stub.strip(), "the notebook's stub is the question's own"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_with_the_solutions_every_check_passes(path: Path, tmp_path: Path) -> None:
    answers = {each: (folder(each) / "solution.py").read_text(encoding="utf-8") for each in ids_of(path)}

    said = run_with(path, answers, tmp_path / "progress.json")

    assert {question_id: text[:1] for question_id, text in said.items()} == dict.fromkeys(answers, "✓"), said


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_known_wrong_answer_is_refused(path: Path, tmp_path: Path) -> None:
    wrong = {each: [file for file in files("wrong_*.py") if question_of(file) == each] for each in ids_of(path)}
    rounds = [
        {question_of(file): file.read_text(encoding="utf-8") for file in round_of if file is not None}
        for round_of in zip_longest(*wrong.values())
    ]

    for said in run_rounds(path, rounds, tmp_path / "progress.json"):
        assert said
        assert {each: text for each, text in said.items() if not text.startswith("✗")} == {}
