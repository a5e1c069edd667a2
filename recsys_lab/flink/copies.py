"""Copies: what one operator hands on must not change when its state, or another operator, does.

Apache Flink copies a record wherever it goes from one operator to the next. Here that would cost most of the speed, and
mostly for nothing: numbers, texts, tuples and events never change. So only what can change is copied, and only where
something else still holds it: state, the list that a source reads, a second branch of the stream.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from recsys_lab.checks import FrozenDict, FrozenList
from recsys_lab.events import StreamEvent

_AS_IT_IS = frozenset(
    {type(None), bool, int, float, complex, str, bytes, datetime, date, timedelta, FrozenDict, FrozenList}
)


def independent(value: Any) -> Any:
    """An equal value that shares nothing with this one that can change: itself where nothing can. What cannot be copied
    is given as it is.
    """
    kind = type(value)
    if kind in _AS_IT_IS or isinstance(value, StreamEvent):
        return value
    if kind is dict:
        return {key: independent(item) for key, item in value.items()}
    if kind is list:
        return [independent(item) for item in value]
    fields = _fixed(value)
    if fields is not None and all(type(field) in _AS_IT_IS for field in fields):
        return value
    if kind is tuple:
        return tuple(map(independent, value))
    try:
        return copy.deepcopy(value)
    except Exception:  # a lock, a file, a generator: nobody saves it either
        return value


def independent_records(values: Sequence[Any]) -> Sequence[Any]:
    """The same for records, which mostly are of one kind: the first one tells whether there is anything to do."""
    return list(map(independent, values)) if can_change(values) else values


def can_change(values: Sequence[Any]) -> bool:
    """Whether records of the kind of the first can."""
    return bool(values) and independent(values[0]) is not values[0]


def _fixed(value: Any) -> Iterable[Any] | None:
    """The fields of a value whose fields cannot be set: a tuple, a frozen dataclass or Struct."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.astuple(value) if value.__struct_config__.frozen else None
    parameters = getattr(type(value), "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        return None
    return [getattr(value, field.name) for field in dataclasses.fields(value)]
