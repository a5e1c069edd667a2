"""How far a learner has come: a small file, and the map that is drawn of it.

The file is JSON: for each question how often it was tried, whether it was solved, how many hints were asked for,
whether the solution was looked at before, and the quiz. It is written whole, under another name first, so that a
power cut leaves the old one. One that cannot be decoded is set aside under a name of its own, never thrown away; one
that cannot be read just now is left alone. Several notebooks may write at once: a lock on a file beside it lets each
read and write in turn.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import IO, Any

import msgspec
import pandas as pd

from recsys_lab import plots
from recsys_lab.plots.style import Picture
from recsys_lab.study.question import load
from recsys_lab.study.questions import IDS

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

FILE = "RECSYS_LAB_PROGRESS"
VERSION = 1

_CORRUPT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_WAIT_S = 3.0  # the lock is held for milliseconds
_AGAIN_S = 0.005


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

    def tried(self, solved: bool) -> Mark:
        """After one more answer; what was solved before stays as it is."""
        return self if self.solved else msgspec.structs.replace(self, attempts=self.attempts + 1, solved=solved)


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
    """Progress so far; all questions are open where there is no file yet, or none that can be read."""
    try:
        try:
            marks = _decoded()
        except _CORRUPT:
            with _alone():
                marks = _marks()
    except OSError as error:
        marks = _all({})
        warnings.warn(f"progress could not be read: {error}. Set {FILE} to a file that can be read.", stacklevel=3)
    return Progress(marks)


def note(question_id: str, change: Callable[[Mark], Mark]) -> None:
    """Change the mark of a question, as it is by then, and save. A file that cannot be read or written is a warning."""
    try:
        with _alone():
            marks = _marks()
            _write({**marks, question_id: change(marks[question_id])})
    except OSError as error:
        warnings.warn(f"progress is not kept: {error}. Set {FILE} to a file that can be written.", stacklevel=3)


def _all(saved: dict[str, Mark]) -> dict[str, Mark]:
    return {each: saved.get(each, Mark()) for each in IDS}


def _decoded() -> dict[str, Mark]:
    """What the file says. Raises OSError for one that cannot be read, and _CORRUPT."""
    target = file()
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is not a file")
    try:
        return _all(msgspec.json.decode(target.read_bytes(), type=_Saved).questions)
    except FileNotFoundError:
        return _all({})


def _marks() -> dict[str, Mark]:
    """What the file says; a corrupt one is set aside, and all questions are open. To be called alone."""
    try:
        return _decoded()
    except _CORRUPT as error:
        _set_aside(error)
        return _all({})


@contextmanager
def _alone() -> Iterator[None]:
    """While no other notebook reads and writes; where that cannot be had, or not soon, without."""
    with ExitStack() as held:
        with suppress(OSError, ValueError):  # ValueError: a path that ends in no name, such as "."
            if fcntl is not None:
                side = file().with_name(f"{file().name}.lock")
                side.parent.mkdir(parents=True, exist_ok=True)
                _lock(held.enter_context(side.open("a")))
        yield


def _lock(side: IO[str]) -> None:
    """Closing the file gives it back, and so does the end of the process."""
    until = perf_counter() + _WAIT_S
    while perf_counter() < until:
        try:
            fcntl.flock(side, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_AGAIN_S)
        else:
            return


def _write(marks: dict[str, Mark]) -> None:
    target = file()
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = target.with_name(f"{target.name}.{os.getpid()}.new")
    begun.write_bytes(msgspec.json.format(msgspec.json.encode(_Saved(VERSION, marks))))
    begun.replace(target)


def _set_aside(error: Exception) -> None:
    aside, number = file().with_suffix(".unreadable"), 1
    while os.path.lexists(aside):
        number += 1
        aside = file().with_suffix(f".{number}.unreadable")
    file().replace(aside)
    warnings.warn(f"progress could not be read ({error}); it lies in {aside}, and a new file begins.", stacklevel=5)
