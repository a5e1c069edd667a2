"""What each class of event is, and what a reader makes of newer and older ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import EventType, ItemUpdateEvent, StreamEvent, UserInteractionEvent, interaction_weight
from tests.events.examples import BASE, KINDS, NOON, OPTIONAL, a_click, build, read, wire


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
