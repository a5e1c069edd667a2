"""Keyed state: what an operator remembers of each key, under a name, in a type that can be saved.

A function asks for its state in `open`, by descriptor; the handle that it gets always means the key of the
element or timer at hand. A handle saves what it is told: change a value in place and you must `update` it.
With a time to live, an entry that was not written (or read, if so configured) for that long on the job's clock
is as if it were not there, and its memory is freed. (Apache Flink: "Working with State".)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, TypeVar

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.codec import check_type
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.functions import AggregateFunction
from recsys_lab.flink.operators.folding import aggregating, reducing
from recsys_lab.flink.tables import Table


class UpdateType(Enum):
    """What renews an entry's time to live."""

    OnCreateAndWrite = "write"
    OnReadAndWrite = "read"


@dataclass(frozen=True)
class StateTtlConfig:
    """How long entries of a state live, on the job's clock.

    Expired entries are never seen, and are freed as the clock moves on. ttl_ms: since the last write.
    """

    ttl_ms: int
    update_type: UpdateType = UpdateType.OnCreateAndWrite

    @classmethod
    def new_builder(cls, ttl: Any) -> StateTtlConfig:
        """ttl: timedelta or ms, above zero. (`build()` gives the same object: it is built already.)"""
        return cls(duration_ms("time to live", ttl, least=1))

    def update_ttl_on_read_and_write(self) -> StateTtlConfig:
        """Reading renews the time to live too."""
        return StateTtlConfig(self.ttl_ms, UpdateType.OnReadAndWrite)

    def update_ttl_on_create_and_write(self) -> StateTtlConfig:
        """Only writing renews it: the default."""
        return StateTtlConfig(self.ttl_ms)

    def build(self) -> StateTtlConfig:
        """As Apache Flink's builder ends."""
        return self


@dataclass
class StateDescriptor:
    """Name and type of a state. type_info: the class of its values; plain data when not given.

    Raises JobError for a type that cannot be saved.
    """

    name: str
    type_info: Any = None
    ttl: StateTtlConfig | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise JobError(f"name of a state is {shorten(self.name)}; a text is needed.")
        found = check_type(f"state {self.name!r}", self.type_info)
        self.types: tuple[type, ...] = (found,) if found else ()

    def enable_time_to_live(self, ttl: StateTtlConfig) -> None:
        """Let entries expire."""
        self.ttl = ttl


class ValueStateDescriptor(StateDescriptor):
    """One value for each key."""


class ListStateDescriptor(StateDescriptor):
    """A list for each key; `type_info` is the type of its elements."""


@dataclass
class MapStateDescriptor(StateDescriptor):
    """A map for each key. type_info: type of its keys. value_type_info: of its values."""

    value_type_info: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        found = check_type(f"state {self.name!r}", self.value_type_info)
        self.types += (found,) if found else ()


class ReducingStateDescriptor(StateDescriptor):
    """For each key the reduction of all that was added."""

    def __init__(self, name: str, reduce_function: Any, type_info: Any = None) -> None:
        super().__init__(name, type_info)
        self.fold = reducing(reduce_function)


class AggregatingStateDescriptor(StateDescriptor):
    """For each key the aggregate of all that was added."""

    def __init__(self, name: str, agg_function: AggregateFunction, state_type_info: Any = None) -> None:
        super().__init__(name, state_type_info)
        self.fold = aggregating(agg_function, declared=state_type_info)
        self.types = self.fold.types


class Keyed(Protocol):
    """Whose key it is: the operator that runs the function. key: at hand. now: processing time in ms."""

    key: Any
    now: int


class State:
    """Base of all handles: a value for each key in a table, with its time of writing if it can expire."""

    def __init__(self, owner: Keyed, table: Table, descriptor: StateDescriptor) -> None:
        self._owner = owner
        self._table = table
        self._name = descriptor.name
        self._ttl = descriptor.ttl
        self._renew_on_read = self._ttl is not None and self._ttl.update_type is UpdateType.OnReadAndWrite

    def _get(self) -> Any:
        entries = self._table.data.get(self._name)
        stored = None if entries is None else entries.get(self._owner.key)
        if self._ttl is None or stored is None:
            return stored
        written, value = stored
        if written + self._ttl.ttl_ms <= self._owner.now:
            self._table.remove(self._name, self._owner.key)
            return None
        if self._renew_on_read:
            self._set(value)
        return value

    def _set(self, value: Any) -> None:
        if self._ttl is None:
            self._table.put(self._name, self._owner.key, value)
            return
        entries = self._table.data.setdefault(self._name, OrderedDict())
        entries.pop(self._owner.key, None)
        self._table.put(self._name, self._owner.key, (self._owner.now, value))  # the oldest stands first

    def clear(self) -> None:
        """Forget what there is for this key."""
        self._table.remove(self._name, self._owner.key)

    def expire(self) -> None:
        """Free what expired."""
        if self._ttl is None:
            return
        limit = self._owner.now - self._ttl.ttl_ms
        while entries := self._table.data.get(self._name):
            if not isinstance(entries, OrderedDict):  # as restored
                entries = OrderedDict(sorted(entries.items(), key=lambda item: item[1][0]))
                self._table.data[self._name] = entries
            key = next(iter(entries))
            if entries[key][0] > limit:
                return
            self._table.remove(self._name, key)


class ValueState(State):
    """One value."""

    def value(self) -> Any:
        """The value, or None."""
        return self._get()

    def update(self, value: Any) -> None:
        """Set it; None forgets it."""
        if value is None:
            self.clear()
        else:
            self._set(value)


class ListState(State):
    """A list. With a time to live each element expires by itself, and stands beside the time of its writing."""

    def get(self) -> list[Any]:
        """A copy of the list."""
        if self._ttl is None:
            return list(self._get() or ())
        values = [value for _, value in self._alive()]
        if values and self._renew_on_read:
            self.update(values)
        return values

    def __iter__(self) -> Iterator[Any]:
        return iter(self.get())

    def add(self, value: Any) -> None:
        """Append an element."""
        self.add_all((value,))

    def add_all(self, values: Iterable[Any]) -> None:
        """Append elements."""
        if self._ttl is None:
            held = self._get() or []
            held.extend(values)
            self._set(held)
        else:
            held = self._alive()
            held.extend(self._dated(values))
            self._keep(held)

    def update(self, values: Iterable[Any]) -> None:
        """Set the list."""
        if self._ttl is None:
            self._set(list(values))
        else:
            self._keep(self._dated(values))

    def expire(self) -> None:
        """Free what expired."""
        if self._ttl is None:
            return
        limit = self._owner.now - self._ttl.ttl_ms
        for key, stored in list(self._table.data.get(self._name, {}).items()):
            alive = _later(each_dated(stored), limit)
            if not alive:
                self._table.remove(self._name, key)
            elif alive is not stored:
                self._table.put(self._name, key, alive)

    def _alive(self) -> list[tuple[int, Any]]:
        assert self._ttl is not None
        stored = each_dated(self._table.data.get(self._name, {}).get(self._owner.key))
        return _later(stored, self._owner.now - self._ttl.ttl_ms)

    def _dated(self, values: Iterable[Any]) -> list[tuple[int, Any]]:
        return [(self._owner.now, value) for value in values]

    def _keep(self, dated: list[tuple[int, Any]]) -> None:
        if dated:
            self._table.put(self._name, self._owner.key, dated)
        else:
            self.clear()


def each_dated(stored: Any) -> list[tuple[int, Any]]:
    """(time of writing, value) of each element, the oldest first, of what is stored for a list that expires; older
    checkpoints have one time for the whole list. stored: None for nothing.
    """
    if type(stored) is tuple:
        written, values = stored
        return [(written, value) for value in values]
    found: list[tuple[int, Any]] = [] if stored is None else stored
    return found


def _later(dated: list[tuple[int, Any]], limit: int) -> list[tuple[int, Any]]:
    """What was written after that time: the same list where that is all."""
    return [pair for pair in dated if pair[0] > limit] if dated and dated[0][0] <= limit else dated


class AddingState(State):
    """The reduction or the aggregate of what was added."""

    def __init__(self, owner: Keyed, table: Table, descriptor: StateDescriptor) -> None:
        super().__init__(owner, table, descriptor)
        assert isinstance(descriptor, (ReducingStateDescriptor, AggregatingStateDescriptor))
        self._fold = descriptor.fold

    def get(self) -> Any:
        """The result so far, or None before the first value."""
        held = self._get()
        return None if held is None else self._fold.result(held)

    def add(self, value: Any) -> None:
        """Take in one more value."""
        self._set(self._fold.grown(value, self._get()))


class MapState(State):
    """A map: each entry is kept, saved, and expires by itself."""

    def _namespace(self) -> tuple[str, Any]:
        return self._name, self._owner.key

    def _alive(self) -> dict[Any, Any]:
        entries = self._table.data.get(self._namespace(), {})
        if self._ttl is None:
            return entries
        limit = self._owner.now - self._ttl.ttl_ms
        return {key: value for key, (written, value) in entries.items() if written > limit}

    def get(self, key: Any) -> Any:
        """The entry, or None."""
        if self._ttl is None:
            return self._table.data.get(self._namespace(), {}).get(key)
        stored = self._table.data.get(self._namespace(), {}).get(key)
        if stored is None or stored[0] + self._ttl.ttl_ms <= self._owner.now:
            return None
        if self._renew_on_read:
            self.put(key, stored[1])
        return stored[1]

    def put(self, key: Any, value: Any) -> None:
        """Set an entry."""
        self._table.put(self._namespace(), key, value if self._ttl is None else (self._owner.now, value))

    def put_all(self, entries: dict[Any, Any]) -> None:
        """Set several."""
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: Any) -> None:
        """Forget an entry, if it is there."""
        self._table.remove(self._namespace(), key)

    def contains(self, key: Any) -> bool:
        """Whether there is such an entry."""
        return key in self._alive() if self._ttl else key in self._table.data.get(self._namespace(), {})

    __contains__ = contains

    def is_empty(self) -> bool:
        """Whether there is none."""
        return not self._alive()

    def keys(self) -> list[Any]:
        """Of all entries."""
        return list(self._alive())

    def values(self) -> list[Any]:
        """Of all entries."""
        return list(self._alive().values())

    def items(self) -> list[tuple[Any, Any]]:
        """All entries."""
        return list(self._alive().items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())

    def clear(self) -> None:
        """Forget all entries of this key."""
        if self._namespace() in self._table.data:
            self._table.drop(self._namespace())

    def expire(self) -> None:
        """Free what expired."""
        if self._ttl is None:
            return
        limit = self._owner.now - self._ttl.ttl_ms
        for namespace in [name for name in self._table.data if isinstance(name, tuple) and name[0] == self._name]:
            for key in [key for key, (written, _) in self._table.data[namespace].items() if written <= limit]:
                self._table.remove(namespace, key)


Handle = TypeVar("Handle", bound=State)


class Store:
    """The runtime context of a keyed function: a table for each state, and the handles to them."""

    def __init__(self, owner: Keyed, tables: dict[str, Table], operator: str) -> None:
        self._owner = owner
        self._tables = tables
        self._operator = operator
        self._handles: dict[str, tuple[StateDescriptor, State]] = {}

    def get_state(self, descriptor: ValueStateDescriptor) -> ValueState:
        """The value of the key at hand."""
        return self._handle(ValueState, ValueStateDescriptor, descriptor)

    def get_list_state(self, descriptor: ListStateDescriptor) -> ListState:
        """The list of the key at hand."""
        return self._handle(ListState, ListStateDescriptor, descriptor)

    def get_map_state(self, descriptor: MapStateDescriptor) -> MapState:
        """The map of the key at hand."""
        return self._handle(MapState, MapStateDescriptor, descriptor)

    def get_reducing_state(self, descriptor: ReducingStateDescriptor) -> AddingState:
        """The reduction of the key at hand."""
        return self._handle(AddingState, ReducingStateDescriptor, descriptor)

    def get_aggregating_state(self, descriptor: AggregatingStateDescriptor) -> AddingState:
        """The aggregate of the key at hand."""
        return self._handle(AddingState, AggregatingStateDescriptor, descriptor)

    def expire(self) -> None:
        """Free all that expired."""
        for _, handle in self._handles.values():
            handle.expire()

    def _handle(self, kind: type[Handle], wanted: type, descriptor: StateDescriptor) -> Handle:
        if not isinstance(descriptor, wanted):
            raise JobError(f"descriptor is {shorten(descriptor)}; a {wanted.__name__} is needed here.")
        earlier = self._handles.get(descriptor.name)
        if earlier is not None and type(earlier[0]) is not type(descriptor):
            raise JobError(f"operator {self._operator!r} has two states called {descriptor.name!r}; name one anew.")
        if earlier is None:
            table = self._tables.setdefault(f"state {descriptor.name}", Table(ordered=False))
            table.types = descriptor.types
            self._handles[descriptor.name] = descriptor, kind(self._owner, table, descriptor)
        handle = self._handles[descriptor.name][1]
        assert isinstance(handle, kind)
        return handle


class Keyless:
    """The runtime context of a function that has no key at hand: whoever asks it for state is told so."""

    def __init__(self, operator: str) -> None:
        self._operator = operator

    def get_state(self, descriptor: Any) -> Any:
        """Raises JobError."""
        raise JobError(f"operator {self._operator!r} has no key, so it can't have state. Use key_by before it.")

    get_list_state = get_map_state = get_reducing_state = get_aggregating_state = get_state
