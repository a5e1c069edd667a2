"""Every event there may be, for property tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

from hypothesis import strategies as st

from recsys_lab.events import (
    ItemUpdateEvent,
    RecommendationRequestEvent,
    RecommendationResponseEvent,
    StreamEvent,
    SystemMetricEvent,
    UserInteractionEvent,
    UserProfileUpdateEvent,
)

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
