"""Process functions at run time: one element at a time, with state, timers and side outputs.

Rolling reduce and aggregate, keyed maps with state, connected streams and interval joins are process functions
too; what differs is which method is called with what.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.copies import independent
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.functions import Context, OperatorFailed, method_of, needs_opening
from recsys_lab.flink.operators.base import SteppedOperator, Timers
from recsys_lab.flink.operators.opening import FoldOperator
from recsys_lab.flink.state import Keyless, Store
from recsys_lab.flink.tables import Table


class ProcessOperator(SteppedOperator):
    """A process function of one stream or two, keyed or not. Its tables: one for each state, and the timers."""

    def __init__(self, node: Any, function: Any = None) -> None:
        super().__init__(node)
        self.function = function = node.function if function is None else function
        self.keyed: bool = node.options.get("keyed", False)
        self.methods = [method_of(function, *names) for names in node.options["methods"]]
        self.wants_context: bool = node.options.get("wants_context", True)
        self.single: bool = node.options.get("single", False)
        self.on_timer = getattr(function, "on_timer", None)
        self.store = Store(self, self.tables, self.name)
        self.event_timers = Timers(self.tables.setdefault("event timers", Table()))
        self.processing_timers = Timers(self.tables.setdefault("processing timers", Table()))
        self.context = Context(self)
        self.domain = "event"

    def open(self) -> None:
        if needs_opening(self.function):
            self.function.open(self.store if self.keyed else Keyless(self.name))

    def close(self) -> None:
        if needs_opening(self.function):
            self.function.close()

    def restored(self) -> None:
        self.event_timers.rebuild()
        self.processing_timers.rebuild()

    def on_round(self) -> None:
        self.store.expire()
        self._fire(self.processing_timers, "processing", self.now, 0)

    def on_record(self, source: int, value: Any, position: int) -> None:
        method = self.methods[source]
        results = method(value, self.context) if self.wants_context else method(value)
        if not self.single:
            self.out.add_all(results, self.timestamp, position)
        elif results is None:
            raise OperatorFailed(self.name, value, "it returned nothing (None). Return a value, or use flat_map.")
        else:
            self.out.add(results, self.timestamp, position)

    def on_watermark(self, position: int) -> None:
        self._fire(self.event_timers, "event", self.watermark, position)

    def _fire(self, timers: Timers, domain: str, limit: int, position: int) -> None:
        for time, key in timers.due(limit):
            self.key = key
            self.timestamp, self.domain = time, domain
            if self.on_timer is not None:
                try:
                    self.out.add_all(self.on_timer(time, self.context), time, position)
                except JobError:
                    raise
                except Exception as error:
                    raise OperatorFailed(self.name, f"timer of {self.key!r} at {time}", error) from error

    # -- what the context does --

    def register(self, domain: str, timestamp: int) -> None:
        """A timer of the key at hand."""
        self._timers(domain).register(duration_ms("time of the timer", timestamp, least=-(2**62)), self.key)

    def unregister(self, domain: str, timestamp: int) -> None:
        """Forget it."""
        self._timers(domain).unregister(timestamp, self.key)

    def _timers(self, domain: str) -> Timers:
        if not self.keyed:
            raise JobError("there is no key here, so there can't be timers. Use key_by before it.")
        return self.event_timers if domain == "event" else self.processing_timers


class RollingOperator(FoldOperator, SteppedOperator):
    """Reduce or aggregate without a window: the result so far, for each element. Table: "rolling"."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.table = self.tables["rolling"] = Table(ordered=False, types=self.fold.types)

    def on_record(self, source: int, value: Any, position: int) -> None:
        held = self.fold.grown(value, self.table.data.get("rolling", {}).get(self.key))
        self.table.put("rolling", self.key, held)
        self.out.add(self.fold.result(held), self.timestamp, position)


class IntervalJoinOperator(SteppedOperator):
    """Pairs of one key whose timestamps are at most so far apart: lower <= right - left <= upper.

    An element waits in its table, "left" or "right" (key → time → elements), as long as a partner may come.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.lower, self.upper = node.options["lower"], node.options["upper"]
        self.join = method_of(node.function, "process_element")
        types = node.options["types"]
        self.buffers = [self.tables.setdefault(side, Table(ordered=False, types=types)) for side in ("left", "right")]
        self.leaving = Timers(self.tables.setdefault("leaving", Table()))
        self.times: list[dict[Any, list[int]]] = [{}, {}]
        self.context = Context(self)

    def open(self) -> None:
        if needs_opening(self.node.function):
            self.node.function.open(None)

    def close(self) -> None:
        if needs_opening(self.node.function):
            self.node.function.close()

    def restored(self) -> None:
        self.leaving.rebuild()
        self.times = [{key: sorted(entries) for key, entries in table.data.items()} for table in self.buffers]

    def on_record(self, source: int, value: Any, position: int) -> None:
        time = self.needed_timestamp(value)
        if time < self.watermark:
            self.too_late(value, time, position)
            return
        other = 1 - source
        below, above = (self.lower, self.upper) if source == 0 else (-self.upper, -self.lower)
        partners = self.times[other].get(self.key, [])
        waiting = self.buffers[other].data.get(self.key, {})
        for at in partners[bisect_left(partners, time + below) : bisect_left(partners, time + above + 1)]:
            for partner in waiting[at]:
                self.timestamp = max(time, at)
                left, right = (value, partner) if source == 0 else (partner, value)
                self.out.add_all(
                    self.join(independent(left), independent(right), self.context), self.timestamp, position
                )
        self._keep(source, time, value)
        self.leaving.register(time + max(above, 0), (source, self.key, time))

    def _keep(self, source: int, time: int, value: Any) -> None:
        held = self.buffers[source].data.get(self.key, {}).get(time)
        if held is None:
            insort(self.times[source].setdefault(self.key, []), time)
        self.buffers[source].put(self.key, time, [*(held or ()), value])

    def on_watermark(self, position: int) -> None:
        for _, (source, key, time) in self.leaving.due(self.watermark):
            self.buffers[source].remove(key, time)
            times = self.times[source][key]
            times.remove(time)
            if not times:
                del self.times[source][key]


def check_bounds(lower: Any, upper: Any) -> tuple[int, int]:
    """Both in ms; JobError when nothing lies between."""
    bounds = (
        duration_ms("lower bound", lower, least=-(2**62)),
        duration_ms("upper bound", upper, least=-(2**62)),
    )
    if bounds[0] > bounds[1]:
        raise JobError(f"bounds are {shorten(lower)} to {shorten(upper)}; the lower one must not be above the upper.")
    return bounds
