"""Windows and triggers: which finite piece of an endless stream an element counts in, and when a piece is done.

An element belongs to windows by its own timestamp, never by when it came. A window is done when the watermark
passes its last millisecond; with allowed lateness it is kept a while longer, and fires again for each element
that comes after all. Sessions grow together when an element joins them. Names and rules are Apache Flink's
("Windows", in its DataStream documentation).
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK


class TimeWindow(NamedTuple):
    """From `start` to before `end`, in epoch ms."""

    start: int
    end: int

    def max_timestamp(self) -> int:
        """The last millisecond that belongs to it."""
        return self.end - 1

    def cover(self, other: TimeWindow) -> TimeWindow:
        """The smallest window around both."""
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))


GLOBAL_WINDOW = TimeWindow(MIN_WATERMARK, MAX_WATERMARK + 1)
"""The one window of `GlobalWindows`; its last millisecond comes with the end of the stream only."""


class WindowAssigner:
    """Base of all assigners. merging: whether windows of a key that touch become one. is_timeless: whether elements
    need no timestamp.
    """

    merging = False
    is_timeless = False

    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        """The windows that an element with this timestamp belongs to."""
        raise NotImplementedError

    def default_trigger(self) -> Trigger:
        """When its windows fire unless told otherwise."""
        return EventTimeTrigger()


class SlidingEventTimeWindows(WindowAssigner):
    """A window of `size` every `slide`; an element is in size / slide of them."""

    def __init__(self, size_ms: int, slide_ms: int, offset_ms: int = 0) -> None:
        self.size_ms = size_ms
        self.slide_ms = slide_ms
        self.offset_ms = offset_ms

    def __repr__(self) -> str:
        return f"sliding {self.size_ms} ms every {self.slide_ms} ms"

    @classmethod
    def of(cls, size: Any, slide: Any, offset: Any = 0) -> SlidingEventTimeWindows:
        """size, slide: timedelta or ms, above zero. offset: shifts the grid, less than `slide` either way."""
        slide_ms = duration_ms("window slide", slide, least=1)
        return cls(duration_ms("window size", size, least=1), slide_ms, _offset_ms(offset, slide_ms))

    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        last = timestamp - (timestamp - self.offset_ms) % self.slide_ms
        return [
            TimeWindow(start, start + self.size_ms) for start in range(last, timestamp - self.size_ms, -self.slide_ms)
        ]


class TumblingEventTimeWindows(SlidingEventTimeWindows):
    """A window of `size` after the other; an element is in one. (It slides by its own size.)"""

    def __repr__(self) -> str:
        return f"tumbling {self.size_ms} ms"

    @classmethod
    def of(cls, size: Any, offset: Any = 0) -> TumblingEventTimeWindows:  # type: ignore[override]
        """size: timedelta or ms, above zero. offset: shifts the grid, less than `size` either way."""
        size_ms = duration_ms("window size", size, least=1)
        return cls(size_ms, size_ms, _offset_ms(offset, size_ms))


class EventTimeSessionWindows(WindowAssigner):
    """A window from an element until `gap` after the last one that came within `gap`; they merge."""

    merging = True

    def __init__(self, gap_ms: int) -> None:
        self.gap_ms = gap_ms

    def __repr__(self) -> str:
        return f"session gap {self.gap_ms} ms"

    @classmethod
    def with_gap(cls, gap: Any) -> EventTimeSessionWindows:
        """gap: timedelta or ms, above zero."""
        return cls(duration_ms("session gap", gap, least=1))

    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        return [TimeWindow(timestamp, timestamp + self.gap_ms)]


class GlobalWindows(WindowAssigner):
    """All elements of a key in one window, which fires by its trigger only."""

    is_timeless = True

    def __repr__(self) -> str:
        return "global"

    @classmethod
    def create(cls) -> GlobalWindows:
        """As Apache Flink spells it."""
        return cls()

    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        return [GLOBAL_WINDOW]

    def default_trigger(self) -> Trigger:
        return NeverTrigger()


class TriggerResult(Enum):
    """What to do with a window now."""

    CONTINUE = (False, False)
    FIRE = (True, False)
    PURGE = (False, True)
    FIRE_AND_PURGE = (True, True)

    @property
    def is_fire(self) -> bool:
        return self.value[0]

    @property
    def is_purge(self) -> bool:
        return self.value[1]


class TriggerContext(Protocol):
    """What a trigger gets: time, timers of this key and window, and a number that it may keep for them."""

    def get_current_watermark(self) -> int: ...
    def register_event_time_timer(self, timestamp: int) -> None: ...
    def delete_event_time_timer(self, timestamp: int) -> None: ...
    def get_count(self) -> int: ...
    def set_count(self, count: int) -> None: ...


class Trigger:
    """When a window fires. Override what it needs; `count` of the context is its state, and is saved."""

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        """An element came into the window."""
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        """A timer that it registered is due."""
        return TriggerResult.CONTINUE

    def on_merge(self, window: TimeWindow, ctx: TriggerContext) -> None:
        """Windows became this one; the context's count is the sum of theirs. Timers must be registered anew."""

    def clear(self, window: TimeWindow, ctx: TriggerContext) -> None:
        """The window goes away: delete its timers."""


class EventTimeTrigger(Trigger):
    """Fires when the watermark passes the window's end, and at once for what comes later."""

    @classmethod
    def create(cls) -> EventTimeTrigger:
        """As Apache Flink spells it."""
        return cls()

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        return TriggerResult.FIRE if time == window.max_timestamp() else TriggerResult.CONTINUE

    def on_merge(self, window: TimeWindow, ctx: TriggerContext) -> None:
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window: TimeWindow, ctx: TriggerContext) -> None:
        ctx.delete_event_time_timer(window.max_timestamp())


class CountTrigger(Trigger):
    """Fires with every n-th element. What has fired stays in the window, unless a PurgingTrigger is around it."""

    def __init__(self, n: int) -> None:
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise JobError(f"count of a CountTrigger is {shorten(n)}; a whole number from 1 is needed.")
        self.n = n

    @classmethod
    def of(cls, n: int) -> CountTrigger:
        """n: from 1."""
        return cls(n)

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        count = ctx.get_count() + 1
        ctx.set_count(0 if count >= self.n else count)
        return TriggerResult.FIRE if count >= self.n else TriggerResult.CONTINUE


class PurgingTrigger(Trigger):
    """Another trigger, after whose firing the window is emptied."""

    def __init__(self, inner: Trigger) -> None:
        self.inner = inner

    @classmethod
    def of(cls, inner: Trigger) -> PurgingTrigger:
        """inner: the trigger that decides when."""
        return cls(inner)

    def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        result = self.inner.on_element(element, timestamp, window, ctx)
        return TriggerResult.FIRE_AND_PURGE if result.is_fire else result

    def on_event_time(self, time: int, window: TimeWindow, ctx: TriggerContext) -> TriggerResult:
        result = self.inner.on_event_time(time, window, ctx)
        return TriggerResult.FIRE_AND_PURGE if result.is_fire else result

    def on_merge(self, window: TimeWindow, ctx: TriggerContext) -> None:
        self.inner.on_merge(window, ctx)

    def clear(self, window: TimeWindow, ctx: TriggerContext) -> None:
        self.inner.clear(window, ctx)


class NeverTrigger(Trigger):
    """Never fires: what `GlobalWindows` do unless they are given a trigger."""


def _offset_ms(offset: Any, grid_ms: int) -> int:
    offset_ms = duration_ms("window offset", offset, least=1 - grid_ms)
    if offset_ms >= grid_ms:
        raise JobError(f"window offset is {offset_ms} ms; less than {grid_ms} ms either way is needed.")
    return offset_ms
