"""Copies: what one operator hands on must not change when its state, or another operator, does.

Apache Flink copies a record wherever it goes from one operator to the next. Here that would cost most of the speed, and
mostly for nothing: numbers, texts, tuples and events never change. So only what can change is copied, and only where
something else still holds it: state, the list that a source reads, a second branch of the stream.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from recsys_lab.checks import FrozenDict, FrozenList
from recsys_lab.events import StreamEvent

_AS_IT_IS = frozenset(
    {type(None), bool, int, float, complex, str, bytes, datetime, date, timedelta, FrozenDict, FrozenList}
)
_MUTABLE = (dict, list, set, bytearray)


def independent(value: Any) -> Any:
    """An equal value that shares nothing with this one that can change. What cannot be copied is given as it is."""
    kind = type(value)
    if kind in _AS_IT_IS or isinstance(value, StreamEvent):
        return value
    if kind is tuple:
        return value if all(type(item) in _AS_IT_IS for item in value) else tuple(map(independent, value))
    if kind is dict:
        return {key: independent(item) for key, item in value.items()}
    if kind is list:
        return [independent(item) for item in value]
    try:
        return copy.deepcopy(value)
    except Exception:  # a lock, a file, a generator: nobody saves it either
        return value


def independent_records(values: Sequence[Any]) -> Sequence[Any]:
    """The same for records, which mostly are of one kind: the first one tells whether there is anything to do."""
    if values and isinstance(values[0], _MUTABLE):
        return list(map(independent, values))
    return values
