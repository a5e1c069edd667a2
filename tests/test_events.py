"""Events: whatever is written is read back equal; whatever cannot be right is refused, with the field's name."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import date, datetime, timedelta, timezone, tzinfo
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab import events
from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import (
    EventType,
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    SystemMetricEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
    interaction_weight,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
MIB = 1024 * 1024
BASE: dict[str, Any] = {"event_id": "evt-000001", "timestamp": NOON}

REQUIRED: dict[type[StreamEvent], dict[str, Any]] = {
    UserInteractionEvent: {"user_id": "ann", "item_id": "lamp", "interaction_type": "click"},
    RecommendationRequestEvent: {},
    RecommendationResponseEvent: {"request_id": "evt-000007"},
    ItemUpdateEvent: {"item_id": "lamp"},
    UserProfileUpdateEvent: {"profile": {"user_id": "ann"}},
    SystemMetricEvent: {"name": "lag", "value": 3.0},
}
OPTIONAL: dict[type[StreamEvent], dict[str, Any]] = {
    UserInteractionEvent: {"session_id": None, "data": {}, "interaction_value": 1.0, "context": {}},
    RecommendationRequestEvent: {"user_id": None, "num_recommendations": 10, "request_context": {}, "filters": {}},
    RecommendationResponseEvent: {"recommendations": [], "processing_time_ms": 0.0, "from_cache": False},
    ItemUpdateEvent: {"features": {}},
    UserProfileUpdateEvent: {"user_id": None},
    SystemMetricEvent: {"unit": ""},
}
KINDS = list(REQUIRED)


def build(kind: type[StreamEvent], **fields: Any) -> Any:
    return kind(**{**BASE, **REQUIRED[kind], **fields})


def a_click(**fields: Any) -> UserInteractionEvent:
    event: UserInteractionEvent = build(UserInteractionEvent, **fields)
    return event


def wire(kind: type[StreamEvent], **fields: Any) -> dict[str, Any]:
    """The event as JSON values, before any check of ours."""
    return {
        "event_type": kind.event_type.value,
        "event_id": "evt-000001",
        "timestamp": "2026-01-01T12:00:00+00:00",
        **REQUIRED[kind],
        **fields,
    }


def read(fields: Any) -> StreamEvent:
    return StreamEvent.from_json(json.dumps(fields))


# -- round trips ------------------------------------------------------------------------------------------------

names = st.text(min_size=1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
whole_numbers = st.integers(-(2**63), 2**64 - 1)
zones: st.SearchStrategy[tzinfo] = st.timezones() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))
)
DAYS = timedelta(days=2)  # so that no zone leads out of the calendar
moments = st.datetimes(datetime.min + DAYS, datetime.max - DAYS, timezones=zones)  # noqa: DTZ901
json_values = st.recursive(
    st.none() | st.booleans() | whole_numbers | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=4)
base = {
    "event_id": names,
    "timestamp": moments,
    "user_id": st.none() | st.text(),
    "session_id": st.none() | st.text(),
    "data": json_objects,
}
any_event: st.SearchStrategy[StreamEvent] = st.one_of(
    st.builds(
        UserInteractionEvent,
        **{**base, "user_id": names},
        item_id=names,
        interaction_type=names,
        interaction_value=numbers,
        context=json_objects,
    ),
    st.builds(
        RecommendationRequestEvent,
        **base,
        num_recommendations=st.integers(1, 1000),
        request_context=json_objects,
        filters=json_objects,
    ),
    st.builds(
        RecommendationResponseEvent,
        **base,
        request_id=names,
        recommendations=st.lists(json_values, max_size=4),
        processing_time_ms=numbers,
        from_cache=st.booleans(),
    ),
    st.builds(ItemUpdateEvent, **base, item_id=names, features=json_objects),
    st.builds(UserProfileUpdateEvent, **base, profile=json_objects),
    st.builds(SystemMetricEvent, **base, name=names, value=numbers, unit=st.text()),
)


@settings(max_examples=60, deadline=None)
@given(any_event)
def test_every_event_survives_the_round_trip_with_every_field(event: StreamEvent) -> None:
    for again in (
        StreamEvent.from_dict(event.to_dict()),
        StreamEvent.from_json(event.to_json()),
        StreamEvent.from_json(event.to_json().decode()),
        StreamEvent.from_dict(json.loads(json.dumps(event.to_dict(), allow_nan=False))),
    ):
        assert again == event
        assert type(again) is type(event)
        assert again.to_json() == event.to_json()
        assert hash(again) == hash(event)


def plain_types_only(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and plain_types_only(inner) for key, inner in value.items())
    if type(value) is list:
        return all(map(plain_types_only, value))
    return value is None or type(value) in (str, bool, int, float)


@settings(max_examples=30, deadline=None)
@given(any_event)
def test_to_dict_is_plain_json_with_type_version_and_utc_time(event: StreamEvent) -> None:
    fields = event.to_dict()
    assert plain_types_only(fields)
    assert json.loads(event.to_json()) == fields
    assert fields["event_type"] == event.event_type.value
    assert fields["schema_version"] == 1
    assert fields["timestamp"].endswith("+00:00")
    assert datetime.fromisoformat(fields["timestamp"]) == event.timestamp


def test_changing_what_to_dict_gave_does_not_change_the_event() -> None:
    event = a_click(data={"tags": ["new"], "shop": {"city": "Oslo"}})
    fields = event.to_dict()
    fields["data"]["tags"].append("old")
    fields["data"]["shop"]["city"] = "Rome"
    fields["context"]["device"] = "mobile"
    assert event.data == {"tags": ["new"], "shop": {"city": "Oslo"}}
    assert event.context == {}
    assert a_click().context == {}


def test_a_zone_is_converted_to_utc_as_the_same_moment() -> None:
    event = a_click(timestamp=datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))))
    assert event.timestamp == NOON
    assert event.timestamp.tzinfo is timezone.utc
    assert event == a_click(timestamp=NOON)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01t12:00:00z",
        "2026-01-01 12:00:00+00:00",
        "2026-01-01T12:00:00.000000+00:00",
        "2026-01-01T14:30:00+02:30",
        "2025-12-31T12:01:00-23:59",
        "2026-01-01T12:00+00:00",
        "2026-01-01T17:53:28+05:53:28",
    ],
)
def test_any_usual_way_to_write_the_time_is_read(written: str) -> None:
    assert read(wire(UserInteractionEvent, timestamp=written)).timestamp == NOON


# -- what an event is -------------------------------------------------------------------------------------------


def test_each_event_type_has_its_name_in_lower_case_as_value() -> None:
    assert {kind.name for kind in EventType} == {kind.event_type.name for kind in KINDS}
    assert all(kind.value == kind.name.lower() for kind in EventType)


def test_weights_of_interactions() -> None:
    words = ("purchase", "rating", "click", "view", "wishlist", "")
    assert [interaction_weight(word) for word in words] == [1.0, 0.8, 0.5, 0.2, 0.3, 0.3]


@pytest.mark.parametrize("kind", KINDS)
def test_optional_fields_have_their_defaults_when_built_and_when_read(kind: type[StreamEvent]) -> None:
    built, was_read = build(kind), read(wire(kind))
    assert built == was_read
    for field, default in OPTIONAL[kind].items():
        assert getattr(built, field) == getattr(was_read, field) == default


@pytest.mark.parametrize("kind", KINDS)
def test_the_event_type_belongs_to_the_class_and_cannot_be_passed(kind: type[StreamEvent]) -> None:
    with pytest.raises(TypeError, match="event_type"):
        build(kind, event_type=kind.event_type)


def test_fields_are_passed_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        UserInteractionEvent("evt-000001", NOON, "ann", "lamp", "click")  # type: ignore[call-arg, arg-type]


def test_the_base_class_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        StreamEvent(**BASE)


def test_a_newer_schema_with_unknown_fields_is_read() -> None:
    fields = wire(UserInteractionEvent, schema_version=7, loyalty={"points": [1, {"x": None}]})
    assert read(fields) == a_click()


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.5, [1]])
def test_a_schema_version_that_is_no_version_is_refused(version: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"^schema_version is "):
        read(wire(UserInteractionEvent, schema_version=version))


def test_a_subclass_reads_every_class() -> None:
    assert UserInteractionEvent.from_dict(wire(ItemUpdateEvent)) == build(ItemUpdateEvent)


def test_of_a_doubled_key_the_last_counts() -> None:
    raw = json.dumps(wire(ItemUpdateEvent)).replace("{", '{"item_id": "chair", ', 1)
    assert StreamEvent.from_json(raw) == build(ItemUpdateEvent, item_id="lamp")


# -- values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_events_with_equal_fields_are_equal_and_others_are_not(kind: type[StreamEvent]) -> None:
    assert build(kind) == build(kind)
    assert len({build(kind), build(kind)}) == 1
    assert build(kind) != build(kind, event_id="evt-000002")
    assert build(kind) != build(kind, session_id="")
    assert build(kind) != build(kind, data={"a": [1]})


def test_events_of_two_classes_are_never_equal() -> None:
    assert len({build(kind, **REQUIRED[kind]) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_no_attribute_can_be_set_or_deleted(kind: type[StreamEvent]) -> None:
    event = build(kind)
    for field in event.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(event, field, getattr(event, field))
        with pytest.raises(AttributeError):
            delattr(event, field)
    with pytest.raises(AttributeError):
        event.colour = "red"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(a=1),
        lambda d: d.__setitem__("a", 1),
        lambda d: d.__delitem__("list"),
        lambda d: d.pop("list"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.setdefault("a", 1),
        lambda d: d.__ior__({"a": 1}),
        lambda d: d["dict"].update(a=1),
        lambda d: d["list"].append(1),
        lambda d: d["list"].extend([1]),
        lambda d: d["list"].insert(0, 1),
        lambda d: d["list"].__setitem__(0, 9),
        lambda d: d["list"].__delitem__(0),
        lambda d: d["list"].__iadd__([1]),
        lambda d: d["list"].__imul__(2),
        lambda d: d["list"].pop(),
        lambda d: d["list"].remove(2),
        lambda d: d["list"].clear(),
        lambda d: d["list"].sort(),
        lambda d: d["list"].reverse(),
        lambda d: d["list"][1].update(b=1),
    ],
)
def test_nothing_inside_an_event_can_be_changed(change: Any) -> None:
    inner = {"list": [2, {"deep": 1}], "dict": {"x": 1}}
    event = a_click(data=inner, context=inner)
    for owner in (event.data, event.context):
        with pytest.raises(TypeError, match="immutable"):
            change(owner)
    assert event == a_click(data=inner, context=inner)


def test_the_sender_changing_its_own_objects_later_does_not_change_the_event() -> None:
    tags, item = ["new"], {"id": "lamp"}
    event = build(RecommendationResponseEvent, data={"tags": tags}, recommendations=[item])
    tags.append("old")
    item["id"] = "chair"
    assert event.data == {"tags": ["new"]}
    assert event.recommendations == [{"id": "lamp"}]


def test_copies_of_an_event_are_equal_and_copies_of_its_objects_are_plain() -> None:
    event = a_click(data={"tags": [{"a": 1}]})
    for again in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert again == event
    assert plain_types_only(copy.deepcopy(event.data))
    assert type(event.data.copy()) is dict
    assert type(event.data | {"b": 2}) is dict
    with pytest.raises(InvalidEvent, match=r"^user_id"):
        msgspec.structs.replace(event, user_id="")


def test_numpy_scalars_and_pandas_times_become_plain_values() -> None:
    event = a_click(
        event_id=np.str_("evt-9"),
        timestamp=pd.Timestamp("2026-01-01T14:00:00.000000999", tz="Europe/Berlin"),
        interaction_value=np.float32(0.5),
        data={np.str_("n"): [np.int64(3), np.float64(0.25), np.bool_(True), np.uint8(7)]},
    )
    assert event == a_click(
        event_id="evt-9", timestamp=NOON + timedelta(hours=1), interaction_value=0.5, data={"n": [3, 0.25, True, 7]}
    )
    assert plain_types_only(event.to_dict())
    assert type(event.timestamp) is datetime
    assert [type(value) for value in (event.event_id, event.interaction_value)] == [str, float]
    assert type(build(RecommendationRequestEvent, num_recommendations=np.int32(3)).num_recommendations) is int
    assert build(RecommendationResponseEvent, from_cache=np.bool_(True)).from_cache is True


def test_a_word_from_an_enum_is_kept_as_its_value() -> None:
    class Word(str, Enum):
        VIEW = "view"

    event = a_click(interaction_type=Word.VIEW)
    assert type(event.interaction_type) is str
    assert event == a_click(interaction_type="view")


def test_a_whole_number_becomes_a_float_where_a_float_is_declared() -> None:
    assert type(a_click(interaction_value=3).interaction_value) is float
    event = read(wire(SystemMetricEvent, value=2))
    assert isinstance(event, SystemMetricEvent)
    assert type(event.value) is float


# -- refusals: a table of what is wrong in a field --------------------------------------------------------------

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


def assert_says(error: pytest.ExceptionInfo[InvalidEvent], field: str) -> None:
    """The field first, then the value shortened, then the remedy; never a screenful."""
    message = str(error.value)
    assert message.startswith(field), message
    assert " is " in message
    assert ";" in message
    assert len(message) < 400


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


# -- one MiB ----------------------------------------------------------------------------------------------------


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


# -- fuzz -------------------------------------------------------------------------------------------------------


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
