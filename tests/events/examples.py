"""One event of each class, built and as it travels; and what an error must say."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    SystemMetricEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
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


def plain_types_only(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and plain_types_only(inner) for key, inner in value.items())
    if type(value) is list:
        return all(map(plain_types_only, value))
    return value is None or type(value) in (str, bool, int, float)


def assert_says(error: pytest.ExceptionInfo[InvalidEvent], field: str) -> None:
    """The field first, then the value shortened, then the remedy; never a screenful."""
    message = str(error.value)
    assert message.startswith(field), message
    assert " is " in message
    assert ";" in message
    assert len(message) < 400
