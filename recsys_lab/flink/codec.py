"""The codec: state as data, and back exactly as it was. No pickle: what is loaded cannot run code.

msgpack knows numbers, text, bytes, lists and maps. A tuple would come back as a list, and a job that goes on
with other types than it had is no longer the same job. So everything else is tagged: tuples, sets, times, events
and records go as msgpack extensions that name what they are. A record is a dataclass, a msgspec.Struct or a
NamedTuple, that a state declares, or that stands at the top of a module which the program has imported itself.
Values of a column mostly are of one simple type, which is seen at a glance; then they go as they are.
"""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence, Set
from datetime import date, datetime, timedelta
from itertools import chain
from operator import countOf
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from msgspec.msgpack import Ext

from recsys_lab.checks import FrozenDict, FrozenList, freeze
from recsys_lab.errors import CheckpointError, JobError, shorten
from recsys_lab.events import StreamEvent

Column = tuple[int, bytes]
"""(how, raw): how the values were written, and the msgpack."""

_TAGGED, _PLAIN, _TUPLES = 0, 1, 2

_ONLY_LIST, _ONLY_TUPLE, _ONLY_DICT = {list}, {tuple}, {dict}
_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_ORDINARY_KEYS = frozenset({str, int, bytes})
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class Scalars(list[Any]):
    """Values that were looked at: numbers, texts, None. Nobody has to look at them again."""


def encode_column(values: Sequence[Any], types: Sequence[type] = (), flat: bool = False) -> Column:
    """The values as data for `pack`. Raises JobError for a value that cannot be saved.

    flat: whether they are known to be scalars, or tuples or lists of scalars; then only their own type is looked at.
    """
    kinds = _SCALARS if type(values) is Scalars else _kinds(values)
    how = _TAGGED
    if kinds <= _SCALARS:
        how = _PLAIN
    elif kinds == _ONLY_TUPLE and (flat or _all_scalars(values)):
        how = _TUPLES
    elif (kinds == _ONLY_LIST and (flat or _all_scalars(values))) or (kinds == _ONLY_DICT and _flat(values)):
        how = _PLAIN
    if how != _TAGGED:
        try:
            return how, msgspec.msgpack.encode(values)
        except (OverflowError, UnicodeError, TypeError):  # more than 64 bits, text that is none, a wrong promise
            pass
    return _TAGGED, pack([_tagged(value, types) for value in values])


def decode_column(column: Column, types: Sequence[type] = ()) -> list[Any]:
    """What `encode_column` was given, after `unpack`."""
    how, raw = column
    values: list[Any] = unpack(raw)
    if how == _PLAIN:
        return values
    if how == _TUPLES:
        return list(map(tuple, values))
    return [_untagged(value, types) for value in values]


def pack(data: Any) -> bytes:
    """Data as msgpack. Raises JobError when a number or text in it cannot be saved."""
    try:
        return msgspec.msgpack.encode(data)
    except (TypeError, OverflowError, UnicodeError, RecursionError) as error:
        raise JobError(
            f"state cannot be saved: {error}. Keep numbers below 2**63, text valid, nesting flat."
        ) from error


def unpack(raw: bytes) -> Any:
    """What `pack` was given. Raises CheckpointError when it is no msgpack."""
    try:
        return msgspec.msgpack.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise CheckpointError(f"saved state cannot be read: {error}. Restore from the checkpoint before.") from error


def is_flat(kind: Any) -> bool:
    """Whether a type says that its values are scalars, or tuples or lists of scalars: `tuple[int, float]`."""
    if get_origin(kind) in (tuple, list):
        return all(inner in _SCALARS or inner is Ellipsis for inner in get_args(kind))
    return kind in _SCALARS


def check_type(name: str, kind: Any) -> type | None:
    """The class that a state's declared type names, or None for plain data.

    Raises JobError for a type that cannot be saved: say so when the job is built, not when it has run for a day.
    """
    kind = getattr(kind, "__origin__", kind)
    if kind is None or kind is Any or kind in _SCALARS or kind in _BY_TYPE or kind in (list, dict):
        return None
    if isinstance(kind, type) and (_is_record(kind) or issubclass(kind, StreamEvent)):
        return kind
    raise JobError(
        f"{name} is declared as {shorten(kind)}, which cannot be saved in a checkpoint. Declare a number, text, "
        "list, tuple, dict, set, datetime, a dataclass or a msgspec.Struct."
    )


def check_value(name: str, value: Any, types: Sequence[type] = ()) -> type | None:
    """The class of a sample value that has to be declared, or None for plain data. Raises JobError."""
    kind = type(value)
    if kind not in _BY_TYPE and _is_record(kind):
        types, found = (*types, kind), kind
    else:
        found = None
    try:
        pack(encode_column([value], types))
    except JobError as error:
        raise JobError(f"{name} starts as {shorten(value)}, which cannot be saved in a checkpoint: {error}") from error
    return found


def _kinds(values: Sequence[Any]) -> Set[type]:
    """Of the values. Mostly they are of one, and counting that is quicker than making a set."""
    if values and countOf(map(type, values), type(values[0])) == len(values):
        return {type(values[0])}
    return set(map(type, values))


def _all_scalars(values: Iterable[Iterable[Any]]) -> bool:
    return set(map(type, chain.from_iterable(values))) <= _SCALARS


def _flat(values: Sequence[dict[Any, Any]]) -> bool:
    return set(map(type, chain.from_iterable(values))) <= {str} and _all_scalars(map(dict.values, values))


def _is_record(kind: type) -> bool:
    named_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named_tuple or dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)


def _tagged(value: Any, types: Sequence[type]) -> Any:
    """A value as msgpack data; what msgpack doesn't know becomes an extension."""
    kind = type(value)
    if kind in _SCALARS:
        return value if kind is not int or _SMALLEST <= value <= _LARGEST else Ext(_BIG_INT, str(value).encode())
    if kind is list:
        return [_tagged(item, types) for item in value]
    if kind is dict and set(map(type, value)) <= _ORDINARY_KEYS and (not value or _small(value)):
        return {key: _tagged(item, types) for key, item in value.items()}
    if kind is frozenset:  # may be a key: equal ones are written alike, whatever their order
        members = sorted(msgspec.msgpack.encode(_tagged(item, types)) for item in value)
        return Ext(_FROZENSET, msgspec.msgpack.encode(list(map(msgspec.Raw, members))))
    known = _BY_TYPE.get(kind)
    if known is not None:
        code, take_apart = known
        return Ext(code, msgspec.msgpack.encode(_tagged(take_apart(value), types)))
    if isinstance(value, StreamEvent):
        return Ext(_EVENT, value.to_json())
    if isinstance(value, np.generic) and not isinstance(value, np.object_):
        return Ext(_NUMPY, msgspec.msgpack.encode([value.dtype.str, value.tobytes()]))
    if kind in types or (_is_record(kind) and _known_class(kind.__module__, kind.__qualname__) is kind):
        fields = [_tagged(getattr(value, name), types) for name in _fields(kind)]
        return Ext(_RECORD, msgspec.msgpack.encode([kind.__module__, kind.__qualname__, *fields]))
    plain = next((known for known in (datetime, date, dict, list, str, int, float) if isinstance(value, known)), None)
    remedy = "use plain data" if plain is None else f"make it a plain {plain.__name__}; use plain data"
    raise JobError(
        f"{shorten(value)} of type {kind.__name__} cannot be saved in a checkpoint; {remedy} (numbers, text, "
        "lists, tuples, dicts, sets, datetimes), or declare the type: a dataclass or a msgspec.Struct."
    )


def _small(value: dict[Any, Any]) -> bool:
    return all(type(key) is not int or _SMALLEST <= key <= _LARGEST for key in value)


def _untagged(value: Any, types: Sequence[type]) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        return [_untagged(item, types) for item in value]
    if kind is dict:
        return {key: _untagged(item, types) for key, item in value.items()}
    if kind is not Ext:
        return value
    code, data = value.code, bytes(value.data)
    if code == _EVENT:
        return StreamEvent.from_json(data)
    if code == _BIG_INT:
        return int(data)
    inner = msgspec.msgpack.decode(data)
    if code == _NUMPY:
        return np.frombuffer(inner[1], dtype=np.dtype(inner[0]))[0]
    if code == _RECORD:
        return _record(inner, types)
    return _BY_CODE[code](_untagged(inner, types))


def _record(inner: list[Any], types: Sequence[type]) -> Any:
    module, name, *values = inner
    kind = next((kind for kind in types if kind.__qualname__ == name), None) or _known_class(module, name)
    if kind is None or len(_fields(kind)) != len(values):
        raise CheckpointError(f"the checkpoint holds a {name}, which this job doesn't know so. Declare its type.")
    fields = dict(zip(_fields(kind), (_untagged(value, types) for value in values), strict=True))
    settable = {f.name for f in dataclasses.fields(kind) if f.init} if dataclasses.is_dataclass(kind) else set(fields)
    made = kind(**{name: value for name, value in fields.items() if name in settable})
    for name in fields.keys() - settable:
        object.__setattr__(made, name, fields[name])
    return made


def _known_class(module: str, name: str) -> Any:
    """A record class at the top of a module that the program has imported, or None. Nothing is imported for it."""
    found = getattr(sys.modules.get(module), name, None) if "." not in name else None
    return found if isinstance(found, type) and _is_record(found) else None


def _fields(kind: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return tuple(kind._fields if issubclass(kind, tuple) else kind.__struct_fields__)


def _pairs(value: dict[Any, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _moment_apart(value: datetime) -> str | list[Any]:
    """Text; with the zone's name where that knows more than the offset of now."""
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key is not None:
        return [value.replace(tzinfo=None).isoformat(), zone.key, value.fold]
    return value.isoformat()


def _moment_together(data: str | list[Any]) -> datetime:
    if isinstance(data, str):
        return datetime.fromisoformat(data)
    text, key, fold = data
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(key), fold=fold)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise CheckpointError(f"the checkpoint holds a time of the zone {shorten(key)}: {error}.") from error


_BIG_INT, _EVENT, _RECORD, _NUMPY, _FROZENSET = 1, 2, 3, 4, 12

_KINDS: list[tuple[int, type, Callable[[Any], Any], Callable[[Any], Any]]] = [
    (10, tuple, list, tuple),
    (11, set, lambda value: list(value), set),
    (_FROZENSET, frozenset, list, frozenset),
    (13, dict, _pairs, dict),
    (14, datetime, _moment_apart, _moment_together),
    (15, date, date.isoformat, date.fromisoformat),
    (16, timedelta, lambda v: [v.days, v.seconds, v.microseconds], lambda v: timedelta(*v)),
    (17, deque, lambda v: [v.maxlen, list(v)], lambda v: deque(v[1], v[0])),
    (18, Counter, _pairs, lambda pairs: Counter(dict(pairs))),
    (19, complex, lambda v: [v.real, v.imag], lambda v: complex(*v)),
    (20, FrozenDict, lambda v: dict(v), lambda v: freeze("state", v)),
    (21, FrozenList, lambda v: list(v), lambda v: freeze("state", v)),
]
_BY_TYPE = {kind: (code, take_apart) for code, kind, take_apart, _ in _KINDS}
_BY_CODE = {code: put_together for code, _, _, put_together in _KINDS}
