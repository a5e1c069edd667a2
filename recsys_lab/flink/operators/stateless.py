"""map, filter, flat_map, key_by, union, side outputs: a whole batch at a time.

`map(f, values)` runs in C and calls nothing but the user's function; that is where the speed comes from. The
iterator that is left behind when a function fails tells which record it was.
"""

from __future__ import annotations

from itertools import compress, repeat
from operator import is_
from typing import Any

from recsys_lab.flink.batches import Batch, merge
from recsys_lab.flink.codec import Scalars
from recsys_lab.flink.functions import OperatorFailed, method_of, needs_opening
from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.state import Keyless

_HASHABLE = frozenset({str, int, float, bool, bytes, type(None)})


class _FunctionOperator(Operator):
    """An operator around one function of one element."""

    methods: tuple[str, ...] = ()

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.function = method_of(node.function, *self.methods)

    def open(self) -> None:
        if needs_opening(self.node.function):
            self.node.function.open(Keyless(self.name))

    def close(self) -> None:
        if needs_opening(self.node.function):
            self.node.function.close()


class MapOperator(_FunctionOperator):
    """Each record becomes another."""

    methods = ("map",)

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        progress = iter(batch.values)
        try:
            values = self.all_of(list(map(self.function, progress)), batch.values)
        except Exception as error:
            raise self.failed(batch.values, progress, error) from error
        if _may_hold_none(values) and any(map(is_, values, repeat(None))):
            record = batch.values[next(i for i, value in enumerate(values) if value is None)]
            raise OperatorFailed(
                self.name, record, "it returned nothing (None). Return a value, or use flat_map to leave records out."
            )
        return batch.with_records(values, batch.timestamps, batch.positions)


def _may_hold_none(values: list[Any]) -> bool:
    """Most lists hold nothing that is false, which is quick to see."""
    try:
        return not all(values)
    except Exception:  # a value that is neither true nor false, such as an array
        return True


class FilterOperator(_FunctionOperator):
    """Each record stays or goes; the watermark stays."""

    methods = ("filter",)

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        progress = iter(batch.values)
        try:
            flags = self.all_of(list(map(self.function, progress)), batch.values)
            values = list(compress(batch.values, flags))
        except Exception as error:
            raise self.failed(batch.values, progress, error) from error
        timestamps = None if batch.timestamps is None else list(compress(batch.timestamps, flags))
        return batch.with_records(values, timestamps, list(compress(batch.all_positions(), flags)))


class FlatMapOperator(_FunctionOperator):
    """Each record becomes any number of others, at its time and position."""

    methods = ("flat_map",)

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        values: list[Any] = []
        counts: list[int] = []
        progress = iter(batch.values)
        try:
            for results in map(self.function, progress):
                before = len(values)
                if results is not None:
                    values.extend(results)
                counts.append(len(values) - before)
            self.all_of(counts, batch.values)
        except Exception as error:
            raise self.failed(batch.values, progress, error) from error
        positions = [p for p, count in zip(batch.all_positions(), counts, strict=True) for _ in range(count)]
        timestamps = batch.timestamps
        if timestamps is not None:
            timestamps = [t for t, count in zip(timestamps, counts, strict=True) for _ in range(count)]
        return batch.with_records(values, timestamps, positions)


class KeyByOperator(_FunctionOperator):
    """Each record gets its key."""

    methods = ("get_key",)

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        progress = iter(batch.values)
        try:
            keys = self.all_of(Scalars(map(self.function, progress)), batch.values)
        except Exception as error:
            raise self.failed(batch.values, progress, error) from error
        if not set(map(type, keys)) <= _HASHABLE:
            keys = self._checked(batch, list(keys))
        return batch.with_records(batch.values, batch.timestamps, batch.positions, keys)

    def _checked(self, batch: Batch, keys: list[Any]) -> list[Any]:
        for value, key in zip(batch.values, keys, strict=True):
            try:
                hash(key)
            except TypeError:
                text = f"its key {key!r:.60} is not hashable. Use a text, a number, or a tuple of them."
                raise OperatorFailed(self.name, value, text) from None
        return keys


class UnionOperator(Operator):
    """All inputs as one; the watermark is the least of theirs."""

    def process(self, inputs: list[Batch]) -> Batch:
        return merge(inputs, self.watermark)


class SideOutputOperator(Operator):
    """What another operator sent to a tag."""

    origin: Operator

    def process(self, inputs: list[Batch]) -> Batch:
        side = self.origin.sides.get(self.node.options["tag"])
        return side if side is not None else inputs[0].with_records([], [], [])
