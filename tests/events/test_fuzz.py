"""Whatever comes in: an event that can be written again, or InvalidEvent."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import StreamEvent
from tests.events.examples import KINDS, wire
from tests.events.strategies import json_values


def read_or_refuse(raw: bytes | str) -> None:
    """An event that can be written again, or InvalidEvent: nothing else may come out."""
    try:
        event = StreamEvent.from_json(raw)
    except InvalidEvent:
        return
    assert StreamEvent.from_json(event.to_json()) == event


@settings(max_examples=100, deadline=None)
@given(st.binary() | st.text(st.characters()))
def test_arbitrary_bytes_and_text_raise_only_invalid_event(raw: bytes | str) -> None:
    read_or_refuse(raw)


edits = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4
)  # place, bytes cut there, bytes put there


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), edits)
def test_valid_json_with_damaged_bytes_raises_only_invalid_event(
    kind: type[StreamEvent], damage: list[tuple[int, int, bytes]]
) -> None:
    raw = json.dumps(wire(kind, data={"a": [1, 2.5, "é", None, {"b": True}]})).encode()
    for place, cut, put in damage:
        place %= len(raw)
        raw = raw[:place] + put + raw[place + cut :]
    read_or_refuse(raw)


pieces = st.sampled_from(
    [
        *("NaN", "-Infinity", "1e999", "-0", "1E-999", "9" * 30, "9" * 5000, '"\\ud800"', '"\\u0000"', '""', "null"),
        *("true", "{}", "[]", "[[[]]]", '{"":{}}', '{"a":1,"a":NaN}', "[" * 60 + "]" * 60, "[" * 2000 + "]" * 2000),
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_valid_json_with_an_exchanged_value_raises_only_invalid_event(kind: type[StreamEvent], data: Any) -> None:
    fields = wire(kind, user_id="ann", data={}, schema_version=1, unknown=1)
    field = data.draw(st.sampled_from(sorted(fields)))
    piece = data.draw(pieces | json_values.map(json.dumps))
    raw = json.dumps({**fields, field: "@here@"}).replace('"@here@"', piece)
    read_or_refuse(raw)
