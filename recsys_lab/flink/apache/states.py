"""Keyed state of Apache Flink, by the lab's descriptors and with the lab's handles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pyflink.common import Time, Types
from pyflink.datastream import functions as flink
from pyflink.datastream import state as flink_state

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink import state as lab
from recsys_lab.flink.functions import method_of

_ANY = Types.PICKLED_BYTE_ARRAY()


class States:
    """PyFlink's runtime context, as the lab's."""

    def __init__(self, runtime_context: Any, operator: str) -> None:
        self._flink = runtime_context
        self._operator = operator
        self._kinds: dict[str, type] = {}

    def get_state(self, descriptor: Any) -> ValueState:
        self._check(descriptor, lab.ValueStateDescriptor)
        made = flink_state.ValueStateDescriptor(descriptor.name, _ANY)
        return ValueState(self._flink.get_state(_living(made, descriptor)))

    def get_list_state(self, descriptor: Any) -> ListState:
        self._check(descriptor, lab.ListStateDescriptor)
        made = flink_state.ListStateDescriptor(descriptor.name, _ANY)
        return ListState(self._flink.get_list_state(_living(made, descriptor)))

    def get_map_state(self, descriptor: Any) -> MapState:
        self._check(descriptor, lab.MapStateDescriptor)
        made = flink_state.MapStateDescriptor(descriptor.name, _ANY, _ANY)
        return MapState(self._flink.get_map_state(_living(made, descriptor)))

    def get_reducing_state(self, descriptor: Any) -> AddingState:
        self._check(descriptor, lab.ReducingStateDescriptor)
        made = flink_state.ReducingStateDescriptor(descriptor.name, _Reduce(descriptor.reduce), _ANY)
        return AddingState(self._flink.get_reducing_state(_living(made, descriptor)))

    def get_aggregating_state(self, descriptor: Any) -> AddingState:
        self._check(descriptor, lab.AggregatingStateDescriptor)
        made = flink_state.AggregatingStateDescriptor(descriptor.name, _Aggregate(descriptor.aggregate), _ANY)
        return AddingState(self._flink.get_aggregating_state(_living(made, descriptor)))

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
    def __init__(self, reduce: Any) -> None:
        self._reduce = method_of(reduce, "reduce")

    def reduce(self, value1: Any, value2: Any) -> Any:
        return self._reduce(value1, value2)


class _Aggregate(flink.AggregateFunction):
    def __init__(self, function: Any) -> None:
        self._function = function

    def create_accumulator(self) -> Any:
        return self._function.create_accumulator()

    def add(self, value: Any, accumulator: Any) -> Any:
        return self._function.add(value, accumulator)

    def get_result(self, accumulator: Any) -> Any:
        return self._function.get_result(accumulator)

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return self._function.merge(acc_a, acc_b)


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
