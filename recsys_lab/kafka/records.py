"""Records: how an event travels through Kafka, and how one that failed is kept.

Key: the user (or the item), so that one user's events stay in one partition and in order. Value: the event's JSON.
Headers: `source`, the record that this one was made from, as `topic/partition/offset`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

import msgspec

from recsys_lab.errors import shorten
from recsys_lab.events import ItemUpdateEvent, StreamEvent

Header = tuple[str, bytes]

current_record: ContextVar[Any] = ContextVar("current_record")
"""The Kafka record whose event a processor is handling; `.topic`, `.partition`, `.offset`, `.headers`."""


class Source(NamedTuple):
    """The record from which another one was made."""

    topic: str
    partition: int
    offset: int

    def header(self) -> Header:
        return "source", f"{self.topic}/{self.partition}/{self.offset}".encode()


LONGEST_CUT = 1024 * 1024
"""Bytes that are kept of a record's value, if the whole is too large for its dead letter."""

_SOURCE = re.compile(rb"([a-zA-Z0-9._-]+)/(\d{1,10})/(\d{1,19})")
"""Topic, partition, offset, as Kafka allows them."""


def source_of(headers: Iterable[Header]) -> Source | None:
    """The source that a record names, if it does; what others write under that name is none."""
    named = next((value for name, value in headers if name == "source"), None)
    found = _SOURCE.fullmatch(named) if named is not None else None
    return Source(found[1].decode(), int(found[2]), int(found[3])) if found else None


def key_of(event: StreamEvent) -> str | None:
    """What decides the partition of an event: its user; the item, of an item's update."""
    return event.item_id if isinstance(event, ItemUpdateEvent) else event.user_id


def key_bytes(key: Any) -> bytes | None:
    """For a producer: text as UTF-8; bytes and None as they are."""
    return key.encode() if isinstance(key, str) else key


def value_bytes(value: Any) -> bytes | None:
    """For a producer: an event or any other JSON value as JSON; bytes and None as they are."""
    if value is None or isinstance(value, bytes):
        return value
    return value.to_json() if isinstance(value, StreamEvent) else msgspec.json.encode(value)


def outputs_of(result: Any) -> Sequence[StreamEvent]:
    """The events that a processor returned: one, several, or none. Raises TypeError for anything else."""
    if result is None:
        return ()
    if isinstance(result, StreamEvent):
        return (result,)
    if isinstance(result, (list, tuple)) and all(isinstance(event, StreamEvent) for event in result):
        return result
    raise TypeError(f"a processor returns an event, a list of events or None, not {shorten(result)}.")


def dead_letter_headers(record: Any, error: BaseException) -> list[Header]:
    """Why a record was set aside, and where it came from."""
    return [
        ("error", _text(error)[:1_000].encode("utf-8", "backslashreplace")),
        ("exception", type(error).__name__.encode()),
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
    ]


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "an error that has no text"
