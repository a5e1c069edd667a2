"""Builders: one event in one line, so that a test reads as a sentence.

Times are "HH:MM" or "HH:MM:SS" on the lab's first day, or a datetime.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from recsys_lab.clock import IdSource
from recsys_lab.events import UserInteractionEvent

_ids = IdSource(prefix="test")


def clock_time(time: str | datetime) -> datetime:
    """2026-01-01 at that time, in UTC."""
    return (
        time
        if isinstance(time, datetime)
        else datetime.fromisoformat(f"2026-01-01T{time}").replace(tzinfo=timezone.utc)
    )


def an_interaction(
    user_id: str, item_id: str, interaction_type: str, *, at: str | datetime = "00:00", **fields: Any
) -> UserInteractionEvent:
    """Any interaction; further fields as in the event."""
    time = clock_time(at)
    return UserInteractionEvent(
        event_id=_ids(), timestamp=time, user_id=user_id, item_id=item_id, interaction_type=interaction_type, **fields
    )


def a_view(user_id: str, item_id: str, **fields: Any) -> UserInteractionEvent:
    """A view."""
    return an_interaction(user_id, item_id, "view", **fields)


def a_click(user_id: str, item_id: str, **fields: Any) -> UserInteractionEvent:
    """A click."""
    return an_interaction(user_id, item_id, "click", **fields)


def a_purchase(user_id: str, item_id: str, **fields: Any) -> UserInteractionEvent:
    """A purchase."""
    return an_interaction(user_id, item_id, "purchase", **fields)
