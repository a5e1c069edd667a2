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
from math import gcd
from operator import length_hint
from typing import Any

from recsys_lab.flink.batches import Batch
from recsys_lab.flink.copies import can_change, independent
from recsys_lab.flink.functions import OperatorFailed
from recsys_lab.flink.operators.base import NO_TIMESTAMP, Collector
from recsys_lab.flink.operators.folding import NO_ACCUMULATOR
from recsys_lab.flink.operators.opening import FoldOperator
from recsys_lab.flink.tables import Table
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK
from recsys_lab.flink.windows import SlidingEventTimeWindows, TimeWindow

Behind = Callable[[Any, int, Any], None]


class AlignedWindowOperator(FoldOperator):
    """Tumbling and sliding windows with the default trigger.

    Its table "windows" holds (start, end) → key → accumulator.
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        assigner: SlidingEventTimeWindows = node.options["assigner"]
        self.size, self.slide, self.offset = assigner.size_ms, assigner.slide_ms, assigner.offset_ms
        self.pane = gcd(self.size, self.slide)  # within a pane of the grid no window begins or ends
        self.lateness: int = node.options["lateness"]
        self.windows = self.tables["windows"] = Table(types=self.fold.types, flat=self.fold.flat)
        self.latest: tuple[int, int] | None = None  # the window that elements were added to last
        self.fired_until = MIN_WATERMARK  # windows that end there or before have fired

    def process(self, inputs: list[Batch]) -> Batch:
        batch = inputs[0]
        watermarks = batch.watermarks
        count, steps = len(batch.values), len(watermarks)
        self.out = Collector()
        self.on_round()
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
            raise OperatorFailed(self.name, values[start], NO_TIMESTAMP)
        if end - start < len(values):
            values, timestamps = values[start:end], timestamps[start:end]
            keys = None if keys is None else keys[start:end]
        if keys is None:
            keys = [None] * len(values)
        progress = iter(values)

        def behind(value: Any, timestamp: int, key: Any) -> None:
            position = batch.all_positions()[end - length_hint(progress) - 1]
            self._add_behind(value, timestamp, key, position, batch.watermarks[position])

        changes: list[Any] | None = [] if self.windows.will_log(self.latest, len(keys)) else None
        try:
            opened = self._add_all(progress, timestamps, keys, behind, changes, can_change(values))
        except Exception as error:
            raise self.failed(values, progress, error) from error
        namespaces = [(start, start + self.size) for start in opened]
        if len(namespaces) == 1 and changes is not None and len(changes) == len(keys):
            self.windows.log(namespaces[0], keys, changes)
        else:
            for namespace in namespaces:
                self.windows.touch(namespace, keys)
        if namespaces:
            self.latest = namespaces[-1]

    def _add_all(
        self,
        progress: Any,
        timestamps: Sequence[int],
        keys: Sequence[Any],
        behind: Behind,
        changes: list[Any] | None,
        apart: bool,
    ) -> dict[int, None]:
        """The loop that all speed depends on. Gives the starts of the windows that elements were added to, and adds
        accumulators to `changes`, which spares a look for them: in a large window that takes as long as the adding.

        Elements of one pane are in the same windows: tumbling ones in one, sliding ones in the one that began last and
        in others. apart: whether the others need copies of their own, since the elements can change.
        """
        create, add, grown = self.fold.create, self.fold.add, self.fold.grown
        pane, offset = self.pane, self.offset
        passed = self._passed() if self.watermark > MIN_WATERMARK else MIN_WATERMARK
        known: dict[int, list[dict[Any, Any]]] = {}  # windows of each pane
        opened: dict[int, None] = {}
        window: dict[Any, Any] = {}
        others: list[dict[Any, Any]] = []
        low = high = MIN_WATERMARK
        for value, timestamp, key in zip(progress, timestamps, keys, strict=False):
            if not low <= timestamp < high:
                low = timestamp - (timestamp - offset) % pane
                windows = known.get(low)
                if windows is None and timestamp >= passed:
                    starts = self._starts(timestamp)
                    windows = known[low] = [self.windows.data.setdefault((s, s + self.size), {}) for s in starts]
                    opened.update(dict.fromkeys(starts))
                if not windows:  # it may be late, or in no window at all
                    high = low
                    behind(value, timestamp, key)
                    continue
                high = low + pane
                window, *others = windows
            if others:  # most often there are none: tumbling windows
                for other in others:
                    other[key] = grown(independent(value) if apart else value, other.get(key))
            held = window.get(key)
            held = add(value, held) if held is not None else value if create is None else add(value, create())
            if held is None:
                raise TypeError(NO_ACCUMULATOR)
            window[key] = held
            if changes is not None:
                changes.append(held)
        return opened

    def _starts(self, timestamp: int) -> range:
        """Of the windows that it belongs to, the last one first."""
        last = timestamp - (timestamp - self.offset) % self.slide
        return range(last, timestamp - self.size, -self.slide)

    def _add_behind(self, value: Any, timestamp: int, key: Any, position: int, watermark: int) -> None:
        """A record that at least one of its windows has already passed: fires again, or is late."""
        taken = False
        for start in self._starts(timestamp):
            end = start + self.size
            if end - 1 + self.lateness <= watermark:
                continue
            taken = True
            window = self.windows.data.setdefault((start, end), {})
            window[key] = self.fold.grown(independent(value), window.get(key))
            self.windows.touch((start, end), (key,))
            if end - 1 <= watermark:
                self._fire_window(TimeWindow(start, end), {key: independent(window[key])}, position)
        if not taken and timestamp + self.lateness <= watermark:
            self.too_late(value, timestamp, position)

    def _fire(self, position: int) -> None:
        """The watermark has crossed a grid point: fire what it passed for the first time, free what is too late."""
        for start, end in sorted(self.windows.data):
            if end - 1 > self.watermark:
                break
            is_over = end - 1 + self.lateness <= self.watermark
            if end > self.fired_until:
                accumulators = self.windows.data[start, end]
                if not is_over:  # they live on, whatever becomes of what is fired
                    accumulators = {key: independent(held) for key, held in accumulators.items()}
                self._fire_window(TimeWindow(start, end), accumulators, position)
            if is_over:
                self.windows.drop((start, end))
        self.fired_until = self._passed()

    def _fire_window(self, window: TimeWindow, accumulators: dict[Any, Any], position: int) -> None:
        """Results of all keys, in order of their first element. accumulators: nobody else's."""
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
