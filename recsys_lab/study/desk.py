"""The desk: what a learner does at a question. Read it, try the quiz, ask for a hint, hand in, look at the solution."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from recsys_lab.errors import shorten
from recsys_lab.study import progress as kept
from recsys_lab.study import question as text
from recsys_lab.study.apart import apart
from recsys_lab.study.limits import within_limits
from recsys_lab.study.question import Question, Solution
from recsys_lab.study.questions import check_of
from recsys_lab.study.report import Report, judge, refused


class Hint(str):
    """A hint, which a notebook shows as Markdown."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


def question(question_id: str) -> Question:
    """The question with its story, quiz, exercise and stub. Raises LabError for an unknown id."""
    return text.load(question_id)


def quiz(question_id: str, choice: Any) -> Report:
    """Whether the option is the right one, and why. choice: its letter; `...` is "not attempted yet"."""
    options = text.load(question_id).quiz.options
    if choice is ...:
        return Report(passed=False, attempted=False)
    option = options.get(choice) if isinstance(choice, str) else None
    if option is None:
        letters = ", ".join(options)
        return refused(f"{shorten(choice)} is none of {letters}.")
    if option.right:
        kept.note(question_id, lambda mark: replace(mark, quiz=True))
    return Report(passed=option.right, attempted=True, messages=[option.because])


def check(question_id: str, answer: Any) -> Report:
    """What the answer does right, or the first thing that it does wrong; never an error, never without an end.

    answer: what the stub defines. The result is noted for `progress()`. Raises LabError for an unknown id alone.
    """
    judged_by = check_of(question_id)
    limited = within_limits if getattr(judged_by, "IN_PLACE", False) else apart
    report = limited(lambda: judge(judged_by.check, answer), seconds=judged_by.SECONDS)
    if report.attempted:
        kept.note(question_id, lambda mark: mark.tried(report.passed))
    return report


def hint(question_id: str, number: int | None = None) -> Hint:
    """The next hint of three, or the one with that number; after the third, the third again."""
    hints = text.load(question_id).hints
    asked = kept.read().marks[question_id].hints
    at = min(asked + 1, len(hints)) if number is None else number
    if at not in range(1, len(hints) + 1):
        return Hint(f"there are hints 1 to {len(hints)}; {shorten(at)} is none of them.")
    kept.note(question_id, lambda mark: replace(mark, hints=max(mark.hints, at)))
    return Hint(f"**Hint {at} of {len(hints)}.** {hints[at - 1]}")


def solution(question_id: str) -> Solution:
    """A model answer in words, what to ask yourself, and one way to write it. A look is noted on the map.

    Raises LabError where the solutions were taken out, as in the version that a teacher hands out.
    """
    found = text.load_solution(question_id)
    kept.note(question_id, lambda mark: mark if mark.solved else replace(mark, looked=True))
    return found


def progress() -> kept.Progress:
    """How far you have come, as a map of the twelve questions."""
    return kept.read()
