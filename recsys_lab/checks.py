"""Checks: what may stand in an event's field, and the values that cannot be changed afterwards.

A check takes a field's name and a value and gives the value to keep (a whole number becomes a float where a
float is needed, a time in any zone becomes the same time in UTC), or raises InvalidEvent with the field's name.
Objects and arrays are copied into read-only ones, so that neither the sender nor a reader can change an event.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from recsys_lab.errors import InvalidEvent, shorten

MAX_RECOMMENDATIONS = 1000
DEEPEST = 50
LONGEST_PATH = 100

Check = Callable[[str, Any], Any]


def refuse(field: str, value: object, remedy: str) -> NoReturn:
    """Raise InvalidEvent: the field, the value, and what would be right."""
    raise InvalidEvent(f"{field} is {shorten(value)}; {remedy}")


def text(field: str, value: Any) -> str:
    """Text that UTF-8 can carry."""
    if not isinstance(value, str):
        refuse(field, value, f'text is needed. Send "{shorten(value, 20)}" as a string, or drop the event.')
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            refuse(field, value, "it holds half a surrogate pair, which UTF-8 cannot carry. Repair the text.")
    return value if type(value) is str else str.__str__(value)


def name(field: str, value: Any) -> str:
    """Text that is not empty."""
    if value is None or (isinstance(value, str) and not value):
        refuse(field, value, "it must not be empty. Fill it in, or drop the event.")
    return text(field, value)


def optional_text(field: str, value: Any) -> str | None:
    """Text, or None."""
    return None if value is None else text(field, value)


def moment(field: str, value: Any) -> datetime:
    """A time with an offset, as the same time in UTC."""
    if not isinstance(value, datetime) or value != value:  # pandas' NaT is a datetime, and unequal to itself
        refuse(field, value, "a date and time is needed, such as 2026-01-01T12:00:00+00:00.")
    if value.tzinfo is timezone.utc and type(value) is datetime:
        return value
    if value.utcoffset() is None:
        refuse(field, value, "it has no offset from UTC. Say which zone it is in, such as +00:00.")
    try:
        utc = value.astimezone(timezone.utc)
    except OverflowError:
        refuse(field, value, "it leaves the years 1 to 9999 in UTC.")
    return datetime.combine(utc.date(), utc.time(), timezone.utc)


def number(field: str, value: Any) -> float:
    """A finite number, as a float."""
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        refuse(field, value, "a number is needed. Convert it, or drop the event.")
    try:
        kept = float(value)
    except (OverflowError, TypeError, ValueError):  # too large, or a number by name only: numpy's timedelta64
        kept = math.nan
    if not math.isfinite(kept):
        refuse(field, value, "a finite number is needed. Drop the event or send 1.0.")
    return kept


def count(field: str, value: Any) -> int:
    """A whole number from 1 to MAX_RECOMMENDATIONS."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        refuse(field, value, "a whole number is needed.")
    whole = _whole(field, value)
    if not 1 <= whole <= MAX_RECOMMENDATIONS:
        refuse(field, value, f"ask for 1 to {MAX_RECOMMENDATIONS}.")
    return whole


def flag(field: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        refuse(field, value, "true or false is needed.")
    return bool(value)


def json_object(field: str, value: Any) -> FrozenDict:
    """A JSON object, frozen."""
    if not isinstance(value, dict):
        refuse(field, value, "a JSON object is needed, such as {}.")
    if not value:
        return EMPTY
    frozen: FrozenDict = freeze(field, value)
    return frozen


def json_array(field: str, value: Any) -> FrozenList:
    """A JSON array, frozen."""
    if not isinstance(value, (list, tuple)):
        refuse(field, value, "a JSON array is needed, such as [].")
    frozen: FrozenList = freeze(field, value)
    return frozen


def _read_only(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError("an event is immutable; copy this first: dict(...) or list(...)")


class FrozenDict(dict[str, Any]):
    """A dict that refuses to be changed, and copies to a plain one."""

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _read_only

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses to be changed, and copies to a plain one."""

    __setitem__ = __delitem__ = append = clear = extend = insert = pop = remove = _read_only
    reverse = sort = __iadd__ = __imul__ = _read_only

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


EMPTY: FrozenDict = FrozenDict()
"""The one empty object that all events share."""


def freeze(path: str, value: Any, depth: int = 0) -> Any:
    """A frozen copy of a JSON value. Raises InvalidEvent, naming the path, for what JSON cannot carry."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(path, value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        whole = _whole(path, value)
        if not -(2**63) <= whole < 2**64:
            refuse(path, value, "whole numbers of at most 64 bits travel in JSON. Send it as text.")
        return whole
    if isinstance(value, Real):
        return number(path, value)
    if depth >= DEEPEST:
        refuse(path, value, f"it is nested more than {DEEPEST} deep.")
    if isinstance(value, dict):
        return FrozenDict({_key(path, key): freeze(_below(path, key), v, depth + 1) for key, v in value.items()})
    if isinstance(value, (list, tuple)):
        return FrozenList(freeze(f"{path}[{i}]", v, depth + 1) for i, v in enumerate(value))
    refuse(path, value, "JSON has no such type. Convert it to text, a number, a list or an object.")


def _whole(field: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):  # a number by name only: numpy's timedelta64
        refuse(field, value, "a whole number is needed.")


def _below(path: str, key: str) -> str:
    """The path of a key, cut so that a long key makes neither a long message nor a long wait."""
    inner = f"{path}.{key}"
    return inner if len(inner) <= LONGEST_PATH else inner[: LONGEST_PATH - 1] + "…"


def _key(path: str, key: Any) -> str:
    if not isinstance(key, str):
        refuse(f"{path} key", key, "keys of a JSON object are text.")
    return text(path, key)
