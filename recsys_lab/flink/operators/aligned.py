"""Aligned windows, fast: tumbling and sliding event-time windows that fire when the watermark passes their end.

All windows of all keys begin and end on one grid, so between two grid points of the watermark nothing can fire
and nothing becomes late. The operator looks up where in the batch the watermark crosses the next point, and
works through everything before it in one tight loop: window, accumulator, add. The general operator in
`windowing` gives the same results for everything else, element by element; a test compares the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import length_hint
from typing import Any

from recsys_lab.errors import JobError
from recsys_lab.flink.batches import Batch
from recsys_lab.flink.functions import OperatorFailed, OutputTag
from recsys_lab.flink.operators.base import Collector, Operator
from recsys_lab.flink.operators.folding import Fold
from recsys_lab.flink.tables import Table
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK
from recsys_lab.flink.windows import SlidingEventTimeWindows, TimeWindow

_ABSENT = object()

Behind = Callable[[Any, int, Any], None]


class AlignedWindowOperator(Operator):
    """Tumbling and sliding windows with the default trigger.

    Its table "windows" holds (start, end) → key → accumulator.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        assigner: SlidingEventTimeWindows = node.options["assigner"]
        self.size, self.slide, self.offset = assigner.size_ms, assigner.slide_ms, assigner.offset_ms
        self.lateness: int = node.options["lateness"]
        self.late_tag: OutputTag | None = node.options["late_tag"]
        self.fold: Fold = node.function
        self.windows = self.tables["windows"] = Table(types=self.fold.types, flat=self.fold.flat)
        self.out = Collector()
        self.fired_until = MIN_WATERMARK  # windows that end there or before have fired

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        watermarks = batch.watermarks
        count, steps = len(batch.values), len(watermarks)
        self.out = Collector()
        step = start = 0
        while True:
            step = bisect_left(watermarks, self._next_moment(), step)
            if step >= steps:
                end = count
            else:
                end = min(step, count) if batch.positions is None else bisect_left(batch.positions, step)
            if end > start:
                self._fold_in(batch, start, end)
            if step >= steps:
                break
            start = end
            self.watermark = watermarks[step]
            self._fire(max(step - 1, 0))
        self.watermark = watermarks[-1]
        self.sides = {tag: side.batch(watermarks, batch.idle_until) for tag, side in self.out.sides.items()}
        return self.out.batch(watermarks, batch.idle_until)

    def _next_moment(self) -> int:
        """The lowest watermark above the present one at which a window may fire or be freed."""
        if self.watermark == MIN_WATERMARK or self.watermark >= MAX_WATERMARK:
            return self.watermark + 1
        moment = self._passed() + self.slide - 1
        if self.lateness:
            for _, end in self.windows.data:
                if self.watermark < end - 1 + self.lateness < moment:
                    moment = end - 1 + self.lateness
        return moment

    def _passed(self) -> int:
        """The last grid point that the watermark has passed: windows that end there or before have fired."""
        after = self.watermark + 1
        return after - (after - self.offset - self.size) % self.slide

    def _fold_in(self, batch: Batch, start: int, end: int) -> None:
        """Records `start` to `end`, between which no window fires."""
        values, timestamps, keys = batch.values, batch.timestamps, batch.keys
        if timestamps is None:
            raise OperatorFailed(
                self.name, values[start], "it has no timestamp. Use assign_timestamps_and_watermarks before the window."
            )
        if end - start < len(values):
            values, timestamps = values[start:end], timestamps[start:end]
            keys = None if keys is None else keys[start:end]
        if keys is None:
            keys = [None] * len(values)
        passed = self._passed() if self.watermark > MIN_WATERMARK else MIN_WATERMARK
        progress = iter(values)

        def behind(value: Any, timestamp: int, key: Any) -> None:
            position = batch.all_positions()[end - length_hint(progress) - 1]
            self._add_behind(value, timestamp, key, position, batch.watermarks[position])

        loop = self._tumbling if self.size == self.slide else self._sliding
        try:
            loop(progress, timestamps, keys, passed, behind)
        except Exception as error:
            raise self.failed(values, progress, error) from error

    def _tumbling(self, progress: Any, timestamps: Sequence[int], keys: Any, passed: int, behind: Behind) -> None:
        """The loop that all speed depends on."""
        size, offset, data = self.size, self.offset, self.windows.data
        create, add = self.fold.create, self.fold.add
        opened: dict[int, dict[Any, Any]] = {}
        window: dict[Any, Any] = {}
        start = end = MIN_WATERMARK  # of the window at hand
        for value, timestamp, key in zip(progress, timestamps, keys, strict=False):
            if not start <= timestamp < end:
                if timestamp < passed:
                    behind(value, timestamp, key)
                    continue
                start = timestamp - (timestamp - offset) % size
                end = start + size
                window = opened[start] = data.setdefault((start, end), {})
            held = window.get(key, _ABSENT)
            if held is _ABSENT:
                window[key] = value if create is None else add(value, create())
            elif held is None:
                raise JobError(self._no_accumulator())
            else:
                window[key] = add(value, held)
        for start in opened:
            self.windows.touch((start, start + size), keys)

    def _sliding(self, progress: Any, timestamps: Sequence[int], keys: Any, passed: int, behind: Behind) -> None:
        """The same where an element is in several windows, or in none."""
        size, slide, offset, data = self.size, self.slide, self.offset, self.windows.data
        create, add = self.fold.create, self.fold.add
        opened: dict[int, dict[Any, Any]] = {}
        for value, timestamp, key in zip(progress, timestamps, keys, strict=False):
            last = timestamp - (timestamp - offset) % slide
            if timestamp < passed or last <= timestamp - size:  # it may be late, or in no window at all
                behind(value, timestamp, key)
                continue
            for start in range(last, timestamp - size, -slide):
                window = opened.get(start)
                if window is None:
                    window = opened[start] = data.setdefault((start, start + size), {})
                held = window.get(key, _ABSENT)
                if held is _ABSENT:
                    window[key] = value if create is None else add(value, create())
                elif held is None:
                    raise JobError(self._no_accumulator())
                else:
                    window[key] = add(value, held)
        for start in opened:
            self.windows.touch((start, start + size), keys)

    def _no_accumulator(self) -> str:
        return f"operator {self.name!r}: the function gave nothing (None) as its accumulator. Return it from add."

    def _add_behind(self, value: Any, timestamp: int, key: Any, position: int, watermark: int) -> None:
        """A record that at least one of its windows has already passed: fires again, or is late."""
        data = self.windows.data
        create, add = self.fold.create, self.fold.add
        last = timestamp - (timestamp - self.offset) % self.slide
        taken = False
        for start in range(last, timestamp - self.size, -self.slide):
            end = start + self.size
            if end - 1 + self.lateness <= watermark:
                continue
            taken = True
            window = data.setdefault((start, end), {})
            held = window.get(key, _ABSENT)
            if held is _ABSENT:
                window[key] = value if create is None else add(value, create())
            elif held is None:
                raise JobError(self._no_accumulator())
            else:
                window[key] = add(value, held)
            self.windows.touch((start, end), (key,))
            if end - 1 <= watermark:
                self._fire_window(TimeWindow(start, end), {key: window[key]}, position)
        if not taken and timestamp + self.lateness <= watermark:
            self.metrics["late_records"] += 1
            if self.late_tag is not None:
                self.out.add_to_side(self.late_tag, value, timestamp, position)

    def _fire(self, position: int) -> None:
        """The watermark has crossed a grid point: fire what it passed for the first time, free what is too late."""
        for start, end in sorted(self.windows.data):
            if end - 1 > self.watermark:
                break
            window = TimeWindow(start, end)
            if end > self.fired_until:
                self._fire_window(window, self.windows.data[start, end], position)
            if end - 1 + self.lateness <= self.watermark:
                self.windows.drop((start, end))
        self.fired_until = self._passed()

    def _fire_window(self, window: TimeWindow, accumulators: dict[Any, Any], position: int) -> None:
        """Results of all keys, in order of their first element."""
        fold, out = self.fold, self.out
        before = len(out.values)
        progress = iter(accumulators.items())
        try:
            if fold.window_function is None:
                out.values.extend([fold.result(held) for _, held in progress])
            elif fold.in_context:
                for key, held in progress:
                    out.add_all(fold.results(key, window, held, self), window.end - 1, position)
                return
            else:
                self._apply(fold.window_function, window, progress, out.values)
        except Exception as error:
            key = list(accumulators)[len(accumulators) - length_hint(progress) - 1]
            raise OperatorFailed(self.name, f"{window} of key {key!r}", error) from error
        count = len(out.values) - before
        out.timestamps.extend(repeat(window.end - 1, count))
        out.positions.extend(repeat(position, count))

    def _apply(self, apply: Any, window: TimeWindow, entries: Iterator[tuple[Any, Any]], out: list[Any]) -> None:
        result = self.fold.result
        for key, held in entries:
            out += self.fold.results(key, window, held, self)  # the first with a look at what the function gives
            break
        if self.fold.elements:
            for key, held in entries:
                out += apply(key, window, result(held))
        else:
            for key, held in entries:
                out += apply(key, window, [result(held)])

    def restored(self) -> None:
        self.fired_until = self._passed() if self.watermark > MIN_WATERMARK else MIN_WATERMARK
