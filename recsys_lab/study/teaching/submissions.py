"""What came back: a folder with something of each student, made into one piece of code for each question.

    submissions/ann/08-study-questions-beginner.ipynb     notebooks, of which the answer cells count
    submissions/bob/beginner-3.py                         or a file for each question
    submissions/cid-beginner-3.py  submissions/dan.ipynb  or files side by side, with the student's name first

From a notebook come the cells tagged `answer:…`, the imports of all cells, and, so that a helper in a cell of one's own
is not lost, the functions, classes and plain assignments of cells that the course's notebooks do not have.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys_lab.errors import LabError
from recsys_lab.study.questions import IDS

_KEPT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
_IMPORTS = (ast.Import, ast.ImportFrom)
_NO_PYTHON = re.compile(r"^[%!].*$", flags=re.MULTILINE)
"""What notebooks understand beside it: `%%time`, `!ls`."""
_FUTURE = re.compile(r"^from __future__ import .*$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Submission:
    """One student's code for one question. unreadable: why there is none, where a file could not be read."""

    student: str
    question_id: str
    code: str
    unreadable: str = ""


def collect(folder: Path, course_notebooks: Path | None = None) -> list[Submission]:
    """All submissions in a folder, by student and question; a student's later file for a question replaces an earlier.

    course_notebooks: the folder of the course's own notebooks, whose cells are not the student's. Raises LabError when
    there is nothing to judge.
    """
    known = _cell_ids(course_notebooks)
    found: dict[tuple[str, str], Submission] = {}
    for file in _files(folder):
        for submission in _read(file, folder, known):
            found[submission.student, submission.question_id] = submission
    if not found:
        raise LabError(f"{folder} holds no notebooks with answer cells, and no files such as ann/beginner-3.py.")
    return [found[key] for key in sorted(found, key=lambda key: (key[0], IDS.index(key[1])))]


def left_out(folder: Path) -> list[Path]:
    """Files from which nothing is judged: their names say no question, or no cell of theirs is an answer."""
    return [file.relative_to(folder) for file in _files(folder) if not list(_read(file, folder, frozenset()))]


def _files(folder: Path) -> list[Path]:
    """All that are not hidden, as copies that an editor keeps are."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _read(file: Path, folder: Path, known: frozenset[str]) -> Iterator[Submission]:
    inner = file.relative_to(folder)
    in_a_folder = len(inner.parts) > 1
    if file.suffix == ".py":
        name = file.stem.replace("_", "-")
        question_id = next((each for each in IDS if f"-{name.lower()}".endswith(f"-{each}")), None)
        if question_id is not None:
            student = inner.parts[0] if in_a_folder else name[: -len(question_id)].rstrip("-") or "?"
            yield Submission(student, question_id, file.read_text(encoding="utf-8-sig", errors="replace"))
    if file.suffix != ".ipynb":
        return
    student = inner.parts[0] if in_a_folder else file.stem
    try:
        cells = _cells(file)
    except (ValueError, KeyError, TypeError) as error:
        why = f"{inner} is not a notebook that can be read: {error}"
        yield from (Submission(student, question_id, "", why) for question_id in _level_of(file))
        return
    own = "\n".join(_own_definitions(cells, known))
    for cell in cells:
        for question_id in _tagged(cell):
            yield Submission(student, question_id, _with_future_first(f"{own}\n{cell['source']}"))


def _with_future_first(code: str) -> str:
    """Imports from `__future__` where alone they may stand."""
    return "\n".join([*_FUTURE.findall(code), _FUTURE.sub("", code)])


def _level_of(file: Path) -> list[str]:
    """The questions that a notebook of this name holds."""
    return [each for each in IDS if each.rpartition("-")[0] in file.stem] or list(IDS)


def _own_definitions(cells: list[dict[str, Any]], known: frozenset[str]) -> Iterator[str]:
    """Imports of all cells; definitions of cells that are not the course's, and no answers."""
    for cell in cells:
        try:
            nodes = ast.parse(cell["source"]).body
        except SyntaxError:  # `await` at the top, magics: nothing to keep
            continue
        theirs = cell.get("id") not in known and not any(_tagged(cell))
        kept = (*_IMPORTS, *_KEPT) if theirs else _IMPORTS
        yield from (ast.unparse(node) for node in nodes if isinstance(node, kept) and not _calls(node))


def _calls(node: ast.stmt) -> bool:
    """Whether an assignment calls something: then it is work, not a definition."""
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and any(isinstance(each, ast.Call) for each in ast.walk(node))


def _tagged(cell: dict[str, Any]) -> Iterator[str]:
    for tag in cell.get("metadata", {}).get("tags", []):
        kind, _, question_id = tag.partition(":")
        if kind == "answer" and question_id in IDS:
            yield question_id


def _cells(file: Path) -> list[dict[str, Any]]:
    notebook = json.loads(file.read_text(encoding="utf-8-sig"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [{**cell, "source": _python("".join(cell["source"]))} for cell in cells]


def _python(source: str) -> str:
    """The cell without what is for the notebook alone; a line that is Python after all stays."""
    try:
        ast.parse(source)
    except SyntaxError:
        return _NO_PYTHON.sub("", source)
    return source


def _cell_ids(folder: Path | None) -> frozenset[str]:
    if folder is None:
        return frozenset()
    return frozenset(cell["id"] for file in folder.glob("*.ipynb") for cell in _cells(file) if "id" in cell)
