"""What all operators share: rounds, state as tables, errors that name the record.

`Operator.process` works through one round: all that the sources read, in order, with the watermark before each
record (see `batches`). An operator that has to act between records, because timers or watermarks matter to it,
is a `SteppedOperator`: it is walked through records and watermarks exactly as Apache Flink would.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import length_hint
from typing import Any

from recsys_lab.errors import JobError
from recsys_lab.flink.batches import Batch, in_order, merge_watermarks
from recsys_lab.flink.copies import independent
from recsys_lab.flink.functions import OperatorFailed, OutputTag
from recsys_lab.flink.tables import Table
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK

NO_TIMESTAMP = "it has no timestamp. Use assign_timestamps_and_watermarks before this."


class Operator:
    """One node of the job graph at run time.

    tables: its state, by name. sides: side outputs of this round, by tag. watermark: as last seen.
    now: processing time of this round in epoch ms. metrics: the node's counters. out: results of this round, where
    they are made one by one.
    """

    def __init__(self, node: Any) -> None:
        self.node = node
        self.name: str = node.name
        self.metrics: dict[str, int] = node.metrics
        self.tables: dict[str, Table] = {}
        self.sides: dict[str, Batch] = {}
        self.watermark = MIN_WATERMARK
        self.now = 0
        self.out = Collector()

    def open(self) -> None:
        """Before the first round; state is restored right after."""

    def restored(self) -> None:
        """State was restored: rebuild what follows from it."""

    def process(self, inputs: list[Batch]) -> Batch:
        """One round."""
        raise NotImplementedError

    def close(self) -> None:
        """After the last round, or a failure."""

    def facts(self) -> dict[str, Any]:
        """What is saved beside the tables: plain data, always written whole."""
        return {"watermark": self.watermark, "metrics": dict(self.metrics)}

    def restore_facts(self, facts: dict[str, Any]) -> None:
        """Take back what `facts` gave."""
        self.watermark = facts["watermark"]
        self.metrics.update(facts["metrics"])

    def failed(self, values: Sequence[Any], progress: Any, cause: Exception) -> JobError:
        """The error for a function that failed while `progress`, an iterator over `values`, was read."""
        if isinstance(cause, JobError):
            return cause
        index = len(values) - length_hint(progress) - 1
        return OperatorFailed(self.name, values[index], cause)

    @staticmethod
    def all_of(results: list[Any], values: Sequence[Any]) -> list[Any]:
        """What a function gave for each value. A StopIteration of its own would pass for the end of the values."""
        if len(results) < len(values):
            raise StopIteration("next() found nothing; give it a default.")
        return results

    def too_late(self, value: Any, timestamp: int, position: int) -> None:
        """Count a record that came too late, and send it to the side if that was asked for."""
        self.metrics["late_records"] += 1
        tag: OutputTag | None = self.node.options.get("late_tag")
        if tag is not None:
            self.out.add_to_side(tag, value, timestamp, position)


class Collector:
    """Results with time and position; those paired with a tag go to the side. They are copied: state may hold them."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.timestamps: list[Any] = []
        self.positions: list[int] = []
        self.sides: dict[str, Collector] = {}

    def add(self, value: Any, timestamp: int | None, position: int) -> None:
        """One result."""
        self.values.append(independent(value))
        self.timestamps.append(timestamp)
        self.positions.append(position)

    def add_all(self, results: Iterable[Any] | None, timestamp: int | None, position: int) -> None:
        """What a process function gave."""
        if results is None:
            return
        for result in results:
            if type(result) is tuple and len(result) == 2 and type(result[0]) is OutputTag:
                self.add_to_side(result[0], result[1], timestamp, position)
            else:
                self.add(result, timestamp, position)

    def add_to_side(self, tag: OutputTag, value: Any, timestamp: int | None, position: int) -> None:
        """One value of a side output."""
        self.sides.setdefault(tag.name, Collector()).add(value, timestamp, position)

    def batch(self, watermarks: list[int], idle_until: int) -> Batch:
        """The main output under these watermarks."""
        timestamps = None if None in self.timestamps else self.timestamps
        return Batch(self.values, timestamps, self.positions, watermarks, idle_until)


class Timers:
    """Times at which something is due, with what it is for; in order of time, then of registration."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._times: list[int] = []  # a heap; may hold times whose timers were deleted
        self._deleted: set[Any] = set()  # of those that fire right now
        self._firing: int | None = None
        self.rebuild()

    def rebuild(self) -> None:
        """After the table was restored."""
        self._times = sorted(self._table.data)

    def register(self, time: int, subject: Any) -> None:
        """Once is enough."""
        due = self._table.data.get(time)
        if due is None:
            heapq.heappush(self._times, time)
        elif subject in due:
            return
        self._table.put(time, subject, None)

    def unregister(self, time: int, subject: Any) -> None:
        """Forget it, if it is there."""
        self._table.remove(time, subject)
        if time == self._firing:
            self._deleted.add(subject)

    def next_time(self) -> int:
        """When something is due next, or after everything."""
        while self._times and self._times[0] not in self._table.data:
            heapq.heappop(self._times)
        return self._times[0] if self._times else MAX_WATERMARK + 1

    def due(self, limit: int) -> Iterable[tuple[int, Any]]:
        """(time, subject) of all that is due up to `limit`, those that are registered meanwhile included."""
        while (time := self.next_time()) <= limit:
            subjects = self._table.drop(time)
            self._firing = time
            for subject in subjects:
                if subject not in self._deleted:
                    yield time, subject
            self._firing = None
            self._deleted.clear()


class SteppedOperator(Operator):
    """Walks through records and watermarks one by one.

    Subclasses write `on_record` and `on_watermark`, and add results to `self.out` at the position given.
    `key`, `timestamp` and `watermark` are those at hand.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.key: Any = None
        self.timestamp: int | None = None

    def needed_timestamp(self, value: Any) -> int:
        """Of the record at hand. Raises OperatorFailed when it has none."""
        if self.timestamp is None:
            raise OperatorFailed(self.name, value, NO_TIMESTAMP)
        return self.timestamp

    def on_round(self) -> None:
        """Processing time has moved on."""

    def on_record(self, source: int, value: Any, position: int) -> None:
        """A record of the input with that number."""
        raise NotImplementedError

    def on_watermark(self, position: int) -> None:
        """`self.watermark` has moved on."""

    def process(self, inputs: list[Batch]) -> Batch:
        self.out = Collector()
        if len(inputs) == 1:
            batch = inputs[0]
            watermarks, idle_until = batch.watermarks, batch.idle_until
            timestamps = batch.all_timestamps()
            keys: Any = batch.keys if batch.keys is not None else repeat(None)
            records: Any = zip(repeat(0), batch.values, timestamps, keys, batch.all_positions(), strict=False)
        else:
            watermarks, idle_until = merge_watermarks(inputs, self.watermark)
            records = self._in_order(inputs)
        self.on_round()
        step = 0
        value: Any = None
        try:
            for source, value, timestamp, key, position in records:
                if watermarks[position] > self.watermark:
                    self._advance(watermarks, step, position)
                step = position
                self.timestamp = timestamp
                self.key = key
                self.on_record(source, value, position)
            if watermarks[-1] > self.watermark:
                self._advance(watermarks, step, len(watermarks) - 1)
        except JobError:
            raise
        except Exception as error:
            raise OperatorFailed(self.name, value, error) from error
        self.sides = {tag: side.batch(watermarks, idle_until) for tag, side in self.out.sides.items()}
        return self.out.batch(watermarks, idle_until)

    def _advance(self, watermarks: list[int], start: int, end: int) -> None:
        for position in range(start, end):
            if watermarks[position + 1] > self.watermark:
                self.watermark = watermarks[position + 1]
                self.on_watermark(position)

    def _in_order(self, inputs: list[Batch]) -> Iterable[tuple[int, Any, int | None, Any, int]]:
        stamps = [batch.all_timestamps() for batch in inputs]
        for position, source, i in in_order(inputs):
            batch = inputs[source]
            yield source, batch.values[i], stamps[source][i], batch.keys[i] if batch.keys else None, position
