"""The lab's errors. Each message says what was wrong, shows the value, and says what to do next."""

from __future__ import annotations


class LabError(Exception):
    """Anything the lab refuses or cannot do; catch this one to catch them all."""


class InvalidEvent(LabError, ValueError):
    """An event, request or parameter that cannot be accepted. The message starts with the field's name."""


class BrokerError(LabError):
    """Kafka could not be started or reached."""


class ClusterError(LabError):
    """Apache Flink could not be started or reached."""


class JobError(LabError):
    """A dataflow job that cannot be built, or that failed."""


class CheckpointError(LabError):
    """A checkpoint that is corrupt, foreign, or newer than this lab."""


class NotTranslatable(LabError):
    """A job that uses something the other runtime does not have."""


class DatasetError(LabError):
    """A data file that is missing, corrupt, or not what its name promises."""


def shorten(value: object, limit: int = 60) -> str:
    """`repr` of a value, cut to `limit` characters, for use in messages. Never fails."""
    try:
        text = repr(value)
    except Exception:  # such as a number of 5,000 digits, or lists nested 1,000 deep
        text = f"<{type(value).__name__} that cannot be shown>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
