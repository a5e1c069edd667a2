"""An event is a value: equal by its fields, and never changed."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import RecommendationRequestEvent, RecommendationResponseEvent, StreamEvent, SystemMetricEvent
from tests.events.examples import KINDS, NOON, REQUIRED, a_click, build, plain_types_only, read, wire


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
