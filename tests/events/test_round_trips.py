"""Whatever is written is read back equal, with every field."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings

from recsys_lab.events import StreamEvent, UserInteractionEvent
from tests.events.examples import NOON, a_click, plain_types_only, read, wire
from tests.events.strategies import any_event


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
