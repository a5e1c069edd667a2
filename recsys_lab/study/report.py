"""A report on an answer: not attempted yet, not right yet and why, or right.

An answer that is still `...` is a state, not an error. An answer is judged by what it does; whatever it
raises while being judged is part of the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recsys_lab.errors import shorten

ENDED = "its process ended without a report: an answer must not end the process it runs in."
"""Why an answer was refused that took its process with it."""

MOST_TOLD = 2_000
"""Characters; what is beyond them, as in the text of an error that an answer raised, is not told."""


@dataclass(frozen=True)
class Report:
    """What came of judging an answer. messages: what was seen, for the person who answered."""

    passed: bool
    attempted: bool
    messages: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        if not self.attempted:
            return "not attempted yet"
        return "\n".join([("✓ " if self.passed else "✗ not yet: ") + message for message in self.messages])


class NotAttempted(Exception):
    """The answer is still the stub."""


class NotYet(Exception):
    """The answer does something else than was asked for; the message says what was seen."""


def judge(check: Callable[[Any], str], answer: Any) -> Report:
    """The report on an answer.

    check: takes the answer and gives a sentence on what it got right; raises NotYet, or NotAttempted.
    """
    try:
        return Report(passed=True, attempted=True, messages=[check(given(answer))])
    except NotAttempted:
        return Report(passed=False, attempted=False)
    except NotYet as seen:
        return refused(str(seen))
    except Exception as error:
        return refused(f"it raised {type(error).__name__}: {error}")


def refused(seen: str) -> Report:
    """The report on an answer that is not right yet; seen: the one thing to tell."""
    told = seen if len(seen) <= MOST_TOLD else f"{seen[:MOST_TOLD]}…"
    return Report(passed=False, attempted=True, messages=[told])


def too_slow(seconds: float) -> str:
    """Why an answer was refused that had to be stopped."""
    return f"it had not ended after {seconds:g} seconds and was stopped."


def too_large(memory_mb: int) -> str:
    """Why an answer was refused that took too much memory."""
    return f"it took more than {memory_mb} MB of memory and was stopped."


def given(value: Any) -> Any:
    """The value, unless it is still the stub's `...`: then NotAttempted."""
    if value is ...:
        raise NotAttempted
    return value


def expect(right: bool, seen: str) -> None:
    """Raise NotYet with what was seen, unless it is right."""
    if not right:
        raise NotYet(seen)


def expect_kind(value: Any, kind: type, called: str) -> None:
    """Raise NotYet unless the value is of that kind; `called`: what to call the kind."""
    expect(isinstance(value, kind), f"{called} is needed, and this is {shorten(value)}.")
