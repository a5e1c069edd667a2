"""Records: how an event travels through Kafka, and how one that failed is kept.

Key: the user (or the item), so that one user's events stay in one partition and in order. Value: the event's JSON.
Headers: `source`, the record that this one was made from, as `topic/partition/offset`.
"""

from __future__ import annotations

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


def source_of(headers: Iterable[Header]) -> Source | None:
    """The source that a record names, if it does."""
    for name, value in headers:
        if name == "source":
            topic, partition, offset = value.decode().rsplit("/", 2)
            return Source(topic, int(partition), int(offset))
    return None


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
        ("error", str(error)[:1_000].encode("utf-8", "backslashreplace")),
        ("exception", type(error).__name__.encode()),
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
    ]
