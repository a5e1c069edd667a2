"""Keyed state of Apache Flink, by the lab's descriptors and with the lab's handles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyflink.common import Time, Types
from pyflink.datastream import functions as flink
from pyflink.datastream import state as flink_state

from recsys_lab.clock import SystemClock
from recsys_lab.errors import JobError, shorten
from recsys_lab.flink import state as lab
from recsys_lab.flink.durations import epoch_ms
from recsys_lab.flink.operators.folding import Fold

_ANY = Types.PICKLED_BYTE_ARRAY()


class States:
    """PyFlink's runtime context, as the lab's."""

    def __init__(self, runtime_context: Any, operator: str) -> None:
        self._flink = runtime_context
        self._operator = operator
        self._kinds: dict[str, type] = {}

    def get_state(self, descriptor: Any) -> ValueState:
        self._check(descriptor, lab.ValueStateDescriptor)
        if descriptor.ttl is not None:
            return ValueState(DatedValue(self._value(descriptor), descriptor.ttl))
        return ValueState(self._value(descriptor))

    def get_list_state(self, descriptor: Any) -> ListState:
        self._check(descriptor, lab.ListStateDescriptor)
        if descriptor.ttl is not None:
            return ListState(DatedList(self._value(descriptor), descriptor.ttl))
        return ListState(self._flink.get_list_state(flink_state.ListStateDescriptor(descriptor.name, _ANY)))

    def get_map_state(self, descriptor: Any) -> MapState:
        self._check(descriptor, lab.MapStateDescriptor)
        made = flink_state.MapStateDescriptor(descriptor.name, _ANY, _ANY)
        state = self._flink.get_map_state(_living(made, descriptor))
        return MapState(state if descriptor.ttl is None else DatedMap(state, descriptor.ttl))

    def get_reducing_state(self, descriptor: Any) -> AddingState:
        self._check(descriptor, lab.ReducingStateDescriptor)
        if descriptor.ttl is not None:
            return AddingState(DatedSum(self._value(descriptor), descriptor.ttl, descriptor.fold))
        made = flink_state.ReducingStateDescriptor(descriptor.name, _Reduce(descriptor.fold), _ANY)
        return AddingState(self._flink.get_reducing_state(made))

    def get_aggregating_state(self, descriptor: Any) -> AddingState:
        self._check(descriptor, lab.AggregatingStateDescriptor)
        if descriptor.ttl is not None:
            return AddingState(DatedSum(self._value(descriptor), descriptor.ttl, descriptor.fold))
        made = flink_state.AggregatingStateDescriptor(descriptor.name, _Aggregate(descriptor.fold), _ANY)
        return AddingState(self._flink.get_aggregating_state(made))

    def _value(self, descriptor: Any) -> Any:
        return self._flink.get_state(_living(flink_state.ValueStateDescriptor(descriptor.name, _ANY), descriptor))

    def _check(self, descriptor: Any, wanted: type) -> None:
        if not isinstance(descriptor, wanted):
            raise JobError(f"descriptor is {shorten(descriptor)}; a {wanted.__name__} is needed here.")
        name: str = getattr(descriptor, "name", "")
        if self._kinds.setdefault(name, wanted) is not wanted:
            raise JobError(f"operator {self._operator!r} has two states called {name!r}; name one anew.")


def _living(made: Any, descriptor: lab.StateDescriptor) -> Any:
    if descriptor.ttl is not None:
        builder = flink_state.StateTtlConfig.new_builder(Time.milliseconds(descriptor.ttl.ttl_ms))
        if descriptor.ttl.update_type is lab.UpdateType.OnReadAndWrite:
            builder = builder.update_ttl_on_read_and_write()
        made.enable_time_to_live(builder.never_return_expired().build())
    return made


class _Reduce(flink.ReduceFunction):
    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    def reduce(self, value1: Any, value2: Any) -> Any:
        return self._fold.grown(value2, value1)


class _Aggregate(flink.AggregateFunction):
    def __init__(self, fold: Fold) -> None:
        self._fold = fold

    def create_accumulator(self) -> Any:
        assert self._fold.create is not None
        return self._fold.create()

    def add(self, value: Any, accumulator: Any) -> Any:
        return self._fold.grown(value, accumulator)

    def get_result(self, accumulator: Any) -> Any:
        return self._fold.result(accumulator)

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return self._fold.merge(acc_a, acc_b)


# -- states that live for a while --------------------------------------------------------------------------------
#
# Apache Flink frees what has expired. But PyFlink (2.3) answers from its workers' cache, which knows no time to live,
# and would show it still. So each value stands beside the time at which it was written, and is judged by that here.


def _now() -> int:
    return epoch_ms(SystemClock().now())


class DatedValue:
    """What PyFlink's ValueState does."""

    def __init__(self, state: Any, ttl: lab.StateTtlConfig) -> None:
        self._state = state
        self._ttl_ms = ttl.ttl_ms
        self._renews = ttl.update_type is lab.UpdateType.OnReadAndWrite

    def value(self) -> Any:
        stored = self._state.value()
        if stored is None or stored[0] + self._ttl_ms <= _now():
            return None
        if self._renews:
            self.update(stored[1])
        return stored[1]

    def update(self, value: Any) -> None:
        self._state.update((_now(), value))

    def clear(self) -> None:
        self._state.clear()


class DatedList(DatedValue):
    """What PyFlink's ListState does: each element stands beside its own time."""

    def get(self) -> Any:
        values = [value for _, value in self._alive()]
        if values and self._renews:
            self.update(values)
        return values

    def add(self, value: Any) -> None:
        self.add_all([value])

    def add_all(self, values: list[Any]) -> None:
        now = _now()
        self._state.update([*self._alive(), *((now, value) for value in values)])

    def update(self, values: list[Any]) -> None:
        now = _now()
        self._state.update([(now, value) for value in values])

    def _alive(self) -> list[tuple[int, Any]]:
        limit = _now() - self._ttl_ms
        return [pair for pair in lab.each_dated(self._state.value()) if pair[0] > limit]


class DatedSum(DatedValue):
    """What PyFlink's ReducingState and AggregatingState do."""

    def __init__(self, state: Any, ttl: lab.StateTtlConfig, fold: Fold) -> None:
        super().__init__(state, ttl)
        self._fold = fold

    def get(self) -> Any:
        held = self.value()
        return None if held is None else self._fold.result(held)

    def add(self, value: Any) -> None:
        self.update(self._fold.grown(value, self.value()))


class DatedMap:
    """What PyFlink's MapState does."""

    def __init__(self, state: Any, ttl: lab.StateTtlConfig) -> None:
        self._state = state
        self._ttl_ms = ttl.ttl_ms
        self._renews = ttl.update_type is lab.UpdateType.OnReadAndWrite

    def _alive(self) -> dict[Any, Any]:
        limit = _now() - self._ttl_ms
        return {key: value for key, (written, value) in self._state.items() if written > limit}

    def get(self, key: Any) -> Any:
        value = self._state.get(key)[1]
        if self._renews:
            self.put(key, value)
        return value

    def contains(self, key: Any) -> bool:
        return bool(self._state.contains(key)) and self._state.get(key)[0] + self._ttl_ms > _now()

    def put(self, key: Any, value: Any) -> None:
        self._state.put(key, (_now(), value))

    def put_all(self, entries: dict[Any, Any]) -> None:
        for key, value in entries.items():
            self.put(key, value)

    def remove(self, key: Any) -> None:
        self._state.remove(key)

    def is_empty(self) -> bool:
        return not self._alive()

    def keys(self) -> Iterable[Any]:
        return self._alive().keys()

    def values(self) -> Iterable[Any]:
        return self._alive().values()

    def items(self) -> Iterable[tuple[Any, Any]]:
        return self._alive().items()

    def clear(self) -> None:
        self._state.clear()


# -- the lab's handles -------------------------------------------------------------------------------------------


class _State:
    def __init__(self, state: Any) -> None:
        self._state = state

    def clear(self) -> None:
        """Forget what there is for this key."""
        self._state.clear()


class ValueState(_State):
    """One value."""

    def value(self) -> Any:
        return self._state.value()

    def update(self, value: Any) -> None:
        if value is None:
            self._state.clear()
        else:
            self._state.update(value)


class ListState(_State):
    """A list."""

    def get(self) -> list[Any]:
        return list(self._state.get() or ())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.get())

    def add(self, value: Any) -> None:
        self._state.add(value)

    def add_all(self, values: Iterable[Any]) -> None:
        self._state.add_all(list(values))

    def update(self, values: Iterable[Any]) -> None:
        self._state.update(list(values))


class AddingState(_State):
    """The reduction or aggregate of what was added."""

    def get(self) -> Any:
        return self._state.get()

    def add(self, value: Any) -> None:
        self._state.add(value)


class MapState(_State):
    """A map."""

    def get(self, key: Any) -> Any:
        return self._state.get(key) if self._state.contains(key) else None

    def put(self, key: Any, value: Any) -> None:
        self._state.put(key, value)

    def put_all(self, entries: dict[Any, Any]) -> None:
        self._state.put_all(entries)

    def remove(self, key: Any) -> None:
        self._state.remove(key)

    def contains(self, key: Any) -> bool:
        return bool(self._state.contains(key))

    __contains__ = contains

    def is_empty(self) -> bool:
        return bool(self._state.is_empty())

    def keys(self) -> list[Any]:
        return list(self._state.keys())

    def values(self) -> list[Any]:
        return list(self._state.values())

    def items(self) -> list[tuple[Any, Any]]:
        return list(self._state.items())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys())
