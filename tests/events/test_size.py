"""An event is at most one MiB of JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recsys_lab import events
from recsys_lab.errors import InvalidEvent
from recsys_lab.events import StreamEvent, UserInteractionEvent
from tests.events.examples import MIB, a_click, wire


def padded(size: int, letter: str = "x") -> dict[str, Any]:
    """The data that makes a click exactly that many bytes of JSON."""
    room = size - len(a_click(data={"pad": ""}).to_json())
    return {"pad": letter * (room // len(letter.encode()))}


def test_an_event_of_one_mib_passes_and_a_byte_more_does_not() -> None:
    largest = a_click(data=padded(MIB))
    assert len(largest.to_json()) == MIB == events.MAX_EVENT_BYTES
    assert StreamEvent.from_json(largest.to_json()) == largest
    with pytest.raises(InvalidEvent, match=r"^event is 1,048,577 bytes"):
        a_click(data=padded(MIB + 1))
    with pytest.raises(InvalidEvent, match=r"^event is 1,048,577 bytes"):
        StreamEvent.from_json(largest.to_json() + b" ")
    with pytest.raises(InvalidEvent, match=r"^event is 1,048,577 bytes"):
        StreamEvent.from_json(largest.to_json().decode() + " ")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"item_id": "x" * MIB}, id="a long text"),
        pytest.param({"session_id": "\x00" * (MIB // 6)}, id="short text, long as JSON"),
        pytest.param({"context": {"a": "é" * (MIB // 2)}}, id="bytes count, not letters"),
        pytest.param({"data": {"a": ["x" * 1024] * 1024}}, id="a long list"),
        pytest.param({"data": {"a": "x" * (MIB // 2)}, "context": {"a": "x" * (MIB // 2)}}, id="two halves"),
    ],
)
def test_more_than_one_mib_is_refused_wherever_it_is(fields: dict[str, Any]) -> None:
    for attempt in (
        lambda: a_click(**fields),
        lambda: StreamEvent.from_dict(wire(UserInteractionEvent, **fields)),
        lambda: StreamEvent.from_json(json.dumps(wire(UserInteractionEvent, **fields), ensure_ascii=False)),
    ):
        with pytest.raises(InvalidEvent, match=r"^event is .* bytes of JSON; at most 1,048,576 fit"):
            attempt()


def test_a_long_unknown_text_counts_in_bytes_too() -> None:
    raw = json.dumps({**wire(UserInteractionEvent), "unknown": "é" * (MIB * 3 // 4)}, ensure_ascii=False)
    with pytest.raises(InvalidEvent, match=r"^event is "):
        StreamEvent.from_json(raw)
