"""Durations and moments as the engine counts them: whole milliseconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from recsys_lab.errors import JobError, shorten

_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def duration_ms(name: str, duration: Any, *, least: int = 0) -> int:
    """A duration in milliseconds: a `timedelta`, or a whole number that is milliseconds already.

    Raises JobError, naming the parameter, for anything else and for less than `least`.
    """
    if isinstance(duration, timedelta):
        if duration % _MILLISECOND:
            raise JobError(f"{name} is {shorten(duration)}; the engine counts whole milliseconds. Round it.")
        duration = duration // _MILLISECOND
    if isinstance(duration, bool) or not isinstance(duration, int):
        raise JobError(
            f"{name} is {shorten(duration)}; a timedelta is needed, such as timedelta(minutes=5), or milliseconds."
        )
    if duration < least:
        raise JobError(f"{name} is {duration} ms; at least {least} ms is needed.")
    return duration


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC of an aware datetime, rounded down: what a timestamp assigner gives.

    >>> epoch_ms(datetime(2026, 1, 1, tzinfo=timezone.utc))
    1767225600000
    """
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    """The UTC datetime of a number of milliseconds since 1970."""
    return _EPOCH + milliseconds * _MILLISECOND
