"""How far a learner has come: a small file, and the map that is drawn of it.

The file is JSON: for each question how often it was tried, whether it was solved, how many hints were asked for,
whether the solution was looked at before, and the quiz. It is written whole, under another name first, so that a
power cut leaves the old one. One that cannot be read is set aside under another name, never thrown away.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from recsys_lab import plots
from recsys_lab.plots.style import Picture
from recsys_lab.study.question import load
from recsys_lab.study.questions import IDS

FILE = "RECSYS_LAB_PROGRESS"
VERSION = 1


class Mark(msgspec.Struct, frozen=True):
    """What is known of one question. attempts: answers handed in until it was solved; looked: at the solution."""

    attempts: int = 0
    solved: bool = False
    hints: int = 0
    looked: bool = False
    quiz: bool = False

    @property
    def state(self) -> str:
        """In a word, for the map."""
        if self.solved:
            return "solved after a look" if self.looked else "solved"
        return "tried" if self.attempts else "open"


class _Saved(msgspec.Struct):
    version: int
    questions: dict[str, Mark]


@dataclass(frozen=True, repr=False)
class Progress:
    """Marks by question id, in the order of the course; a notebook shows the map."""

    marks: dict[str, Mark]

    def table(self) -> pd.DataFrame:
        """A row for each question: id, title, state, attempts, hints, quiz."""
        rows = [
            {"id": each, "title": load(each).title, "state": mark.state, "attempts": mark.attempts,
             "hints": mark.hints, "quiz": mark.quiz}
            for each, mark in self.marks.items()
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def map(self) -> Picture:
        """The twelve questions as a picture, coloured by state."""
        return plots.progress_map(self.table())

    def __repr__(self) -> str:
        return "\n".join(f"{each:<15} {mark.state}" for each, mark in self.marks.items())

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.map()._repr_mimebundle_(**options)


def file() -> Path:
    """Where progress is kept: where RECSYS_LAB_PROGRESS says, as in the lab, else with the user's other data."""
    named = os.environ.get(FILE)
    if named:
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "recsys-lab" / "progress.json"


def read() -> Progress:
    """Progress so far; all questions are open where there is no file yet."""
    try:
        saved = msgspec.json.decode(file().read_bytes(), type=_Saved).questions
    except FileNotFoundError:
        saved = {}
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        saved = {}
        _set_aside(error)
    return Progress({each: saved.get(each, Mark()) for each in IDS})


def note(question_id: str, **changes: Any) -> Mark:
    """Change the mark of a question, save, and give it. A file that cannot be written is a warning, not an error."""
    marks = read().marks
    marks[question_id] = msgspec.structs.replace(marks[question_id], **changes)
    try:
        _write(marks)
    except OSError as error:
        warnings.warn(f"progress is not kept: {error}. Set {FILE} to a file that can be written.", stacklevel=3)
    return marks[question_id]


def _write(marks: dict[str, Mark]) -> None:
    target = file()
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = target.with_name(f"{target.name}.{os.getpid()}.new")
    begun.write_bytes(msgspec.json.format(msgspec.json.encode(_Saved(VERSION, marks))))
    begun.replace(target)


def _set_aside(error: Exception) -> None:
    aside = file().with_suffix(".unreadable")
    try:
        file().replace(aside)
    except OSError:
        return
    warnings.warn(f"progress could not be read ({error}); it lies in {aside}, and a new file begins.", stacklevel=4)
