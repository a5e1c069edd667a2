"""Windows of every kind, element by element: sessions that merge, global windows, triggers of any sort.

The rules are those of Apache Flink's WindowOperator. An element goes into each of its windows that isn't too
late; the trigger says whether to fire; a window's state is freed when the watermark passes its end by the
allowed lateness. A session that an element touches is merged first, and lateness is judged on what came of it.
"""

from __future__ import annotations

from typing import Any

from recsys_lab.flink.copies import independent
from recsys_lab.flink.operators.base import SteppedOperator, Timers
from recsys_lab.flink.operators.opening import FoldOperator
from recsys_lab.flink.tables import Table
from recsys_lab.flink.watermarks import MAX_WATERMARK
from recsys_lab.flink.windows import TimeWindow, Trigger, TriggerResult, WindowAssigner


class WindowOperator(FoldOperator, SteppedOperator):
    """Any assigner, any trigger.

    Its tables: "windows" (start, end) → key → accumulator; "counts" the triggers' state likewise; "timers"
    time → (key, start, end).
    """

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.assigner: WindowAssigner = node.options["assigner"]
        self.trigger: Trigger = node.options["trigger"] or self.assigner.default_trigger()
        self.lateness: int = node.options["lateness"]
        self.windows = self.tables["windows"] = Table(types=self.fold.types)
        self.counts = self.tables["counts"] = Table()
        self.timers = Timers(self.tables.setdefault("timers", Table()))
        self.sessions: dict[Any, list[TimeWindow]] = {}  # of each key, where windows merge
        self.window = TimeWindow(0, 0)

    def restored(self) -> None:
        self.timers.rebuild()
        self.sessions = {}
        if self.assigner.merging:
            with_content = {
                (key, TimeWindow(*window)): None for window, held in self.windows.data.items() for key in held
            }
            purged = {
                (key, window): None
                for time, subjects in self.tables["timers"].data.items()
                for key, window in ((key, TimeWindow(start, end)) for key, start, end in subjects)
                if time == self._freed_at(window)
            }
            for key, window in with_content | purged:
                self.sessions.setdefault(key, []).append(window)

    def on_record(self, source: int, value: Any, position: int) -> None:
        timestamp = self.timestamp or 0 if self.assigner.is_timeless else self.needed_timestamp(value)
        taken = False
        windows = self.assigner.assign_windows(timestamp)
        for assigned in windows:
            window = self._joined(assigned) if self.assigner.merging else assigned
            if self._freed_at(window) <= self.watermark:
                continue
            taken = True
            self.window = window
            self._add(value if len(windows) == 1 else independent(value))
            self._act(self.trigger.on_element(value, timestamp, window, self), position)
            if self._freed_at(window) < MAX_WATERMARK:
                self.timers.register(self._freed_at(window), (self.key, *window))
        if not taken and timestamp + self.lateness <= self.watermark:
            self.too_late(value, timestamp, position)

    def on_watermark(self, position: int) -> None:
        for time, (key, start, end) in self.timers.due(self.watermark):
            self.key, self.window = key, TimeWindow(start, end)
            if not self.assigner.merging or self.window in self.sessions.get(key, ()):
                self._act(self.trigger.on_event_time(time, self.window, self), position)
            if self._freed_at(self.window) <= time:
                self._free()

    # -- what a trigger may do --

    def get_current_watermark(self) -> int:
        return self.watermark

    def register_event_time_timer(self, timestamp: int) -> None:
        self.timers.register(timestamp, (self.key, *self.window))

    def delete_event_time_timer(self, timestamp: int) -> None:
        if timestamp != self._freed_at(self.window):  # a timer of the trigger and the one that frees are one
            self.timers.unregister(timestamp, (self.key, *self.window))

    def get_count(self) -> int:
        count: int = self.counts.data.get(tuple(self.window), {}).get(self.key, 0)
        return count

    def set_count(self, count: int) -> None:
        self.counts.put(tuple(self.window), self.key, count)

    # -- a window's life --

    def _freed_at(self, window: TimeWindow) -> int:
        return min(window.max_timestamp() + self.lateness, MAX_WATERMARK)

    def _add(self, value: Any) -> None:
        namespace = tuple(self.window)
        held = self.windows.data.get(namespace, {}).get(self.key)
        self.windows.put(namespace, self.key, self.fold.grown(value, held))
        if self.assigner.merging and self.window not in (known := self.sessions.setdefault(self.key, [])):
            known.append(self.window)

    def _act(self, result: TriggerResult, position: int) -> None:
        held = self.windows.data.get(tuple(self.window), {}).get(self.key)
        if result.is_fire and held is not None:
            if not result.is_purge and self._freed_at(self.window) > self.watermark:  # it lives on
                held = independent(held)
            results = self.fold.results(self.key, self.window, held, self)
            self.out.add_all(results, self.window.max_timestamp(), position)
        if result.is_purge:
            self.windows.remove(tuple(self.window), self.key)

    def _free(self) -> None:
        self.trigger.clear(self.window, self)
        self.windows.remove(tuple(self.window), self.key)
        self.counts.remove(tuple(self.window), self.key)
        if self.assigner.merging:
            self._forget_session(self.window)

    def _forget_session(self, window: TimeWindow) -> None:
        known = self.sessions.get(self.key, [])
        if window in known:
            known.remove(window)
        if not known:
            self.sessions.pop(self.key, None)

    def _joined(self, window: TimeWindow) -> TimeWindow:
        """The session that an element's window is part of, after merging all sessions that it touches."""
        touched = [
            other
            for other in self.sessions.get(self.key, ())
            if other.start <= window.end and window.start <= other.end
        ]
        if not touched:
            return window
        for other in touched:
            window = window.cover(other)
        if touched == [window]:
            return window
        held, count = None, 0
        for other in sorted(touched):
            self.window = other
            count += self.get_count()
            entries = self.windows.data.get(tuple(other), {})
            if self.key in entries:
                held = entries[self.key] if held is None else self.fold.merge(held, entries[self.key])
            self.trigger.clear(other, self)
            self.timers.unregister(self._freed_at(other), (self.key, *other))
            self.windows.remove(tuple(other), self.key)
            self.counts.remove(tuple(other), self.key)
            self._forget_session(other)
        self.window = window
        if self._freed_at(window) <= self.watermark:
            return window
        if held is not None:
            self.windows.put(tuple(window), self.key, held)
        self.sessions.setdefault(self.key, []).append(window)
        if count:
            self.set_count(count)
        self.trigger.on_merge(window, self)
        return window
