"""Whatever cannot be right is refused, with the field's name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    SystemMetricEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
)
from tests.events.examples import BASE, KINDS, MIB, NOON, REQUIRED, a_click, assert_says, build, read, wire

NOT_TEXT: list[Any] = [5, 1.5, True, [], {}, ["a"]]
NOT_NAMES: list[Any] = [None, "", *NOT_TEXT]
NOT_NUMBERS: list[Any] = [None, "1.0", True, [], {}, float("nan"), float("inf"), float("-inf"), 10**400]
NOT_OBJECTS: list[Any] = [None, 5, "x", True, [], ["a"], [["a", 1]]]
NOT_COUNTS: list[Any] = [0, -1, 1001, 10**30, True, 1.5, 1.0, "10", None, [], float("nan")]
NOT_TIMES: list[Any] = [
    *(None, "", 0, 1767268800, 1767268800.5, True, [], {}),
    *("yesterday", "12:00", "2026-01-01", "1767268800", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z"),
    *("2026-01-01T12:00:00", "2026-01-01T25:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
]
WRONG: dict[type[StreamEvent], dict[str, list[Any]]] = {
    UserInteractionEvent: {
        "event_id": NOT_NAMES,
        "timestamp": NOT_TIMES,
        "user_id": NOT_NAMES,
        "session_id": NOT_TEXT,
        "data": NOT_OBJECTS,
        "item_id": NOT_NAMES,
        "interaction_type": NOT_NAMES,
        "interaction_value": NOT_NUMBERS,
        "context": NOT_OBJECTS,
    },
    RecommendationRequestEvent: {
        "user_id": NOT_TEXT,
        "num_recommendations": NOT_COUNTS,
        "request_context": NOT_OBJECTS,
        "filters": NOT_OBJECTS,
    },
    RecommendationResponseEvent: {
        "request_id": NOT_NAMES,
        "recommendations": [None, 5, "x", True, {}],
        "processing_time_ms": NOT_NUMBERS,
        "from_cache": [None, 0, 1, "true", []],
    },
    ItemUpdateEvent: {"item_id": NOT_NAMES, "features": NOT_OBJECTS},
    UserProfileUpdateEvent: {"profile": NOT_OBJECTS},
    SystemMetricEvent: {"name": NOT_NAMES, "value": NOT_NUMBERS, "unit": [None, *NOT_TEXT]},
}
WRONG_FIELDS = [
    pytest.param(kind, field, value, id=f"{kind.__name__}-{field}-{str(value)[:30]!r}")
    for kind, fields in WRONG.items()
    for field, values in fields.items()
    for value in values
]


@pytest.mark.parametrize(("kind", "field", "value"), WRONG_FIELDS)
def test_a_wrong_value_is_refused_by_name_when_read_and_when_built(
    kind: type[StreamEvent], field: str, value: Any
) -> None:
    for attempt in (
        lambda: read(wire(kind, **{field: value})),
        lambda: StreamEvent.from_dict(wire(kind, **{field: value})),
        lambda: build(kind, **{field: value}),
    ):
        with pytest.raises(InvalidEvent) as error:
            attempt()
        assert_says(error, field)


MISSING = [(kind, field) for kind in KINDS for field in ("event_id", "timestamp", *REQUIRED[kind])]


@pytest.mark.parametrize(("kind", "field"), MISSING)
def test_a_missing_field_is_refused_by_name_when_read_and_when_built(kind: type[StreamEvent], field: str) -> None:
    given_fields = wire(kind)
    del given_fields[field]
    with pytest.raises(InvalidEvent, match=f"^{field} is missing; ") as error:
        read(given_fields)
    assert_says(error, field)
    with pytest.raises(InvalidEvent, match=f"^{field} is missing; "):
        kind(**{name: value for name, value in {**BASE, **REQUIRED[kind]}.items() if name != field})


@pytest.mark.parametrize("event_type", [None, "", "USER_INTERACTION", "purchase", 5, [], {}, "x" * MIB])
def test_an_unknown_event_type_is_refused(event_type: Any) -> None:
    with pytest.raises(InvalidEvent) as error:
        StreamEvent.from_dict({**wire(UserInteractionEvent), "event_type": event_type})
    assert_says(error, "event_type")
    assert "user_interaction" in str(error.value)


def test_a_missing_event_type_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"^event_type is missing; "):
        StreamEvent.from_dict({})


@pytest.mark.parametrize("raw", [b"[]", b"5", b"null", b'"text"', b"true", b"[{}]", b"NaN"])
def test_json_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEvent, match=r"^event is .*; a JSON object is needed"):
        StreamEvent.from_json(raw)


@pytest.mark.parametrize("value", [None, 5, "text", [], [("event_type", "item_update")], b"{}"])
def test_a_dict_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^event is "):
        StreamEvent.from_dict(value)


@pytest.mark.parametrize("value", [None, 5, [], {}, memoryview(b"{}")])
def test_what_is_neither_bytes_nor_text_is_refused_such_as_an_empty_kafka_record(value: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^event is .*; JSON as bytes or text is needed"):
        StreamEvent.from_json(value)


WHOLE = json.dumps(wire(UserInteractionEvent))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(WHOLE.encode()[:-1], id="cut off at the end"),
        pytest.param(WHOLE.encode() + b"}", id="too long"),
        pytest.param(WHOLE.encode().replace(b"lamp", b"l\xff\xfemp"), id="not UTF-8"),
        pytest.param(WHOLE.encode().replace(b"lamp", "lämp".encode("latin-1")), id="Latin-1"),
        pytest.param(WHOLE.encode("utf-16"), id="UTF-16"),
        pytest.param(WHOLE.encode("utf-32"), id="UTF-32"),
        pytest.param(WHOLE.replace("lamp", "l\ud800mp"), id="text with half a surrogate pair"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b'{"a":' + b"9" * 100_000 + b"}", id="a number of 100,000 digits"),
        pytest.param(b"\x00" * 10_000, id="zeros"),
    ],
)
def test_bytes_that_are_not_json_are_refused_with_a_short_message(raw: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^event is ") as error:
        StreamEvent.from_json(raw)
    assert_says(error, "event")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


LOOP: dict[str, Any] = {}
LOOP["loop"] = LOOP


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


INSIDE = [
    pytest.param({"a": float("nan")}, "data.a", id="NaN"),
    pytest.param({"a": [1, {"b": float("inf")}]}, "data.a[1].b", id="infinity, nested"),
    pytest.param({"a": float("-inf")}, "data.a", id="minus infinity"),
    pytest.param({"a": 2**64}, "data.a", id="more than 64 bits"),
    pytest.param({"a": -(2**63) - 1}, "data.a", id="less than 64 bits"),
    pytest.param({"a": 10**5000}, "data.a", id="5,000 digits"),
    pytest.param({"a": "\ud800"}, "data.a", id="half a surrogate pair"),
    pytest.param({"\udfff": 1}, "data", id="half a surrogate pair as key"),
    pytest.param({"a": nested(60)}, "data.a", id="60 deep"),
    pytest.param({"a": nested(900)}, "data.a", id="900 deep"),
    pytest.param({"k" * 500_000: float("nan")}, "data.kkk", id="a long key"),
    pytest.param({"k" * 30: {"k" * 30: {"k" * 30: {"k" * 30: float("nan")}}}}, "data.kkk", id="a long path"),
]


@pytest.mark.parametrize(("data", "path"), INSIDE)
def test_a_value_that_json_cannot_carry_is_refused_by_its_path_when_built_and_when_read(
    data: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidEvent) as error:
        a_click(data=data)
    assert_says(error, path)
    with pytest.raises(InvalidEvent) as error:
        StreamEvent.from_dict(wire(UserInteractionEvent, data=data))
    assert_says(error, path)
    if 10**5000 not in data.values():
        with pytest.raises(InvalidEvent) as error:
            read(wire(UserInteractionEvent, data=data))
        assert_says(error, path)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param({1: "a"}, "data key", id="a number as key"),
        pytest.param({"a": {None: 1}}, "data.a key", id="None as key"),
        pytest.param({"a": {1, 2}}, "data.a", id="a set"),
        pytest.param({"a": b"bytes"}, "data.a", id="bytes"),
        pytest.param({"a": NOON}, "data.a", id="a time"),
        pytest.param({"a": Path("/")}, "data.a", id="a path"),
        pytest.param({"a": 1j}, "data.a", id="a complex number"),
        pytest.param({"a": np.array([1, 2])}, "data.a", id="an array"),
        pytest.param({"a": np.timedelta64(5, "s")}, "data.a", id="numpy's duration"),
        pytest.param({"a": pd.NaT}, "data.a", id="NaT"),
        pytest.param({"a": pd.NA}, "data.a", id="NA"),
        pytest.param({"a": Unprintable()}, "data.a", id="what has no repr"),
        pytest.param(LOOP, "data.loop", id="a loop"),
        pytest.param({"a": nested(100_000)}, "data.a", id="100,000 deep"),
    ],
)
def test_a_python_value_that_json_does_not_have_is_refused_by_its_path(data: dict[Any, Any], path: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        a_click(data=data)
    assert_says(error, path)


ODD: list[Any] = [
    *(object(), Unprintable(), b"x", date(2026, 1, 1), NOON.time(), NOON.replace(tzinfo=None), 1j, {1}, Exception),
    *(np.array([1, 2]), np.array([]), np.timedelta64(5, "s"), np.datetime64("2026-01-01"), np.float64("nan")),
    *(pd.NaT, pd.NA, pd.Timestamp("2026-01-01"), pd.Series([1, 2]), 10**5000, "\ud800", nested(100_000)),
]


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in KINDS for field in WRONG[kind]])
def test_no_odd_object_in_any_field_raises_anything_but_invalid_event(kind: type[StreamEvent], field: str) -> None:
    for value in ODD:
        with pytest.raises(InvalidEvent) as error:
            build(kind, **{field: value})
        assert_says(error, field)


def test_the_error_is_a_lab_error_and_a_value_error() -> None:
    assert issubclass(InvalidEvent, LabError)
    assert issubclass(InvalidEvent, ValueError)
