"""Events: what happened, to whom, and when.

An event is a value. It is built once, checked once, and never changed; two events with the same fields are
equal. It travels as one flat JSON object, and whatever is read back equals what was written. So that a new
program and an old one can share a stream, a reader ignores fields it does not know and fills fields it does
not find. What cannot be right (a rating of NaN, a time without an offset) is refused where it enters, with
the name of the field, rather than found three services later.

    >>> from datetime import datetime, timezone
    >>> click = UserInteractionEvent(
    ...     event_id="evt-000001", timestamp=datetime(2026, 1, 1, 12, tzinfo=timezone.utc),
    ...     user_id="ann", item_id="lamp", interaction_type="click",
    ... )
    >>> StreamEvent.from_json(click.to_json()) == click
    True
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, get_type_hints

import msgspec

from recsys_lab import checks
from recsys_lab.checks import EMPTY
from recsys_lab.errors import InvalidEvent, shorten

SCHEMA_VERSION = 1
MAX_EVENT_BYTES = 1024 * 1024

INTERACTION_WEIGHTS: Mapping[str, float] = {"purchase": 1.0, "rating": 0.8, "click": 0.5, "view": 0.2}
OTHER_INTERACTION_WEIGHT = 0.3


def interaction_weight(interaction_type: str) -> float:
    """How much an interaction says about taste, 0 to 1: a purchase 1.0, a mere view 0.2, any other word 0.3."""
    return INTERACTION_WEIGHTS.get(interaction_type, OTHER_INTERACTION_WEIGHT)


class EventType(str, Enum):
    """The kinds of event; each value is the word used in JSON."""

    USER_INTERACTION = "user_interaction"
    ITEM_UPDATE = "item_update"
    USER_PROFILE_UPDATE = "user_profile_update"
    RECOMMENDATION_REQUEST = "recommendation_request"
    RECOMMENDATION_RESPONSE = "recommendation_response"
    SYSTEM_METRIC = "system_metric"


_CONTAINERS = (checks.FrozenDict, checks.FrozenList)

_REQUIRED: Any = msgspec.UNSET
"""Stands where a field was not given, so that the error can name it."""


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What every event has. Abstract: build one of its subclasses, which fixes `event_type`.

    event_id: unique, not empty. timestamp: when it happened, aware; kept in UTC. data: anything else, as JSON.
    Raises InvalidEvent, naming the field, for a field that is missing, empty, of the wrong type, NaN or
    infinite, and for an event of more than 1 MiB of JSON.
    """

    event_type: ClassVar[EventType]
    _checks: ClassVar[tuple[tuple[str, checks.Check], ...]]

    event_id: str = _REQUIRED
    timestamp: datetime = _REQUIRED
    user_id: str | None = None
    session_id: str | None = None
    data: dict[str, Any] = EMPTY

    def __post_init__(self) -> None:
        if type(self) is StreamEvent:
            raise TypeError("StreamEvent is abstract; build one of its subclasses, such as UserInteractionEvent")
        long = False
        for field, check in self._checks:
            given = getattr(self, field)
            if given is _REQUIRED:
                raise InvalidEvent(f"{field} is missing; {type(self).__name__} needs it.")
            value = check(field, given)
            if value is not given:
                msgspec.structs.force_setattr(self, field, value)
            kind = type(value)
            long = long or (kind is str and len(value) > 1000) or (kind in _CONTAINERS and len(value) > 0)
        if long:
            _check_size(len(self.to_json()))

    def __hash__(self) -> int:
        return hash(self.event_id)

    def to_dict(self) -> dict[str, Any]:
        """All fields as one flat dict of JSON values; the timestamp as ISO 8601 with offset."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        fields["timestamp"] = self.timestamp.isoformat()
        plain: dict[str, Any] = msgspec.to_builtins(fields)
        return {"event_type": self.event_type.value, "schema_version": SCHEMA_VERSION, **plain}

    def to_json(self) -> bytes:
        """`to_dict()` as UTF-8 JSON."""
        return msgspec.json.encode(self.to_dict())

    @staticmethod
    def from_dict(fields: Mapping[str, Any]) -> StreamEvent:
        """The event that `to_dict` described, as its own class; unknown extra fields are ignored.

        Raises InvalidEvent, naming the field.
        """
        if type(fields) is not dict and not isinstance(fields, Mapping):
            raise InvalidEvent(f"event is {shorten(fields)}; a JSON object is needed.")
        kind = _class_for(fields)
        _check_schema_version(fields.get("schema_version", SCHEMA_VERSION))
        known = {name: fields[name] for name in kind.__struct_fields__ if name in fields}
        if isinstance(known.get("timestamp"), str):
            known["timestamp"] = _parse_timestamp(known["timestamp"])
        return kind(**known)

    @staticmethod
    def from_json(raw: bytes | str) -> StreamEvent:
        """The event that `to_json` wrote. Raises InvalidEvent, naming the field, or "event" when it is not JSON."""
        if isinstance(raw, str):
            raw = raw.encode("utf-8", "surrogatepass")
        elif not isinstance(raw, (bytes, bytearray)):
            raise InvalidEvent(f"event is {shorten(raw)}; JSON as bytes or text is needed.")
        _check_size(len(raw))
        try:
            fields = msgspec.json.decode(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            fields = _decode_leniently(raw, error)
        return StreamEvent.from_dict(fields)


class UserInteractionEvent(StreamEvent, frozen=True, kw_only=True):
    """A user did something with an item: viewed, clicked, purchased, rated it (or any other word)."""

    event_type = EventType.USER_INTERACTION

    user_id: str = _REQUIRED
    item_id: str = _REQUIRED
    interaction_type: str = _REQUIRED
    interaction_value: float = 1.0
    context: dict[str, Any] = EMPTY


class RecommendationRequestEvent(StreamEvent, frozen=True, kw_only=True):
    """Somebody wants recommendations for a user; `num_recommendations` is 1 to 1000."""

    event_type = EventType.RECOMMENDATION_REQUEST

    num_recommendations: int = 10
    request_context: dict[str, Any] = EMPTY
    filters: dict[str, Any] = EMPTY


class RecommendationResponseEvent(StreamEvent, frozen=True, kw_only=True):
    """The answer to the request whose `event_id` is `request_id`. `processing_time_ms` is on the engine's clock."""

    event_type = EventType.RECOMMENDATION_RESPONSE

    request_id: str = _REQUIRED
    recommendations: list[Any] = []
    processing_time_ms: float = 0.0
    from_cache: bool = False


class ItemUpdateEvent(StreamEvent, frozen=True, kw_only=True):
    """An item's features, such as its category, are now these."""

    event_type = EventType.ITEM_UPDATE

    item_id: str = _REQUIRED
    features: dict[str, Any] = EMPTY


class UserProfileUpdateEvent(StreamEvent, frozen=True, kw_only=True):
    """A user's profile is now this; see `recsys_lab.profiles`."""

    event_type = EventType.USER_PROFILE_UPDATE

    profile: dict[str, Any] = _REQUIRED


class SystemMetricEvent(StreamEvent, frozen=True, kw_only=True):
    """A figure the system measured about itself, with its unit."""

    event_type = EventType.SYSTEM_METRIC

    name: str = _REQUIRED
    value: float = _REQUIRED
    unit: str = ""


# -- reading ----------------------------------------------------------------------------------------------------


def _class_for(fields: Mapping[str, Any]) -> type[StreamEvent]:
    if "event_type" not in fields:
        raise InvalidEvent(f"event_type is missing; one of {sorted(_CLASSES)} is needed.")
    name = fields["event_type"]
    kind = _CLASSES.get(name) if isinstance(name, str) else None
    if kind is None:
        checks.refuse("event_type", name, f"one of {sorted(_CLASSES)} is needed.")
    return kind


def _check_schema_version(version: Any) -> None:
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        checks.refuse("schema_version", version, "a whole number from 1 is needed.")


def _check_size(size: int) -> None:
    if size > MAX_EVENT_BYTES:
        raise InvalidEvent(f"event is {size:,} bytes of JSON; at most {MAX_EVENT_BYTES:,} fit. Send less data.")


def _parse_timestamp(text: str) -> datetime:
    """ISO 8601 as services write it (RFC 3339), or as Python's `isoformat` does: seconds may be left out."""
    try:
        return msgspec.convert(text, datetime)
    except (msgspec.ValidationError, UnicodeError):
        pass
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        checks.refuse("timestamp", text, "ISO 8601 with offset is needed, such as 2026-01-01T12:00:00+00:00.")


def _decode_leniently(raw: bytes | bytearray, cause: Exception) -> Any:
    """What is not strict JSON, read once more with NaN and Infinity allowed, so that the error can name the field."""
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError):
        raise InvalidEvent(f"event is {shorten(raw)}; that is not JSON ({cause}).") from cause


# -- which check belongs to which field -------------------------------------------------------------------------

_CHECK_OF_TYPE: dict[Any, checks.Check] = {
    str: checks.text,
    str | None: checks.optional_text,
    float: checks.number,
    int: checks.count,
    bool: checks.flag,
    datetime: checks.moment,
    dict[str, Any]: checks.json_object,
    list[Any]: checks.json_array,
}


def _checks_of(kind: type[StreamEvent]) -> tuple[tuple[str, checks.Check], ...]:
    """(field, check) by each field's declared type; a required text must not be empty either."""
    types = get_type_hints(kind)
    pairs = []
    for field in msgspec.structs.fields(kind):
        required_text = types[field.name] is str and field.default is _REQUIRED
        pairs.append((field.name, checks.name if required_text else _CHECK_OF_TYPE[types[field.name]]))
    return tuple(pairs)


_CLASSES: dict[str, type[StreamEvent]] = {kind.event_type.value: kind for kind in StreamEvent.__subclasses__()}
for _kind in _CLASSES.values():
    _kind._checks = _checks_of(_kind)
