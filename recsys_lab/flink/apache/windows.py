"""Window assigners and triggers as PyFlink's: its own, and an adapter around a trigger that a student wrote."""

from __future__ import annotations

from typing import Any

from pyflink.common import Types
from pyflink.datastream import window as flink
from pyflink.datastream.state import ListStateDescriptor

from recsys_lab.errors import NotTranslatable, shorten
from recsys_lab.flink import windows as lab
from recsys_lab.flink.apache.functions import window_of


def assigner_of(assigner: lab.WindowAssigner, operator: str) -> Any:
    """PyFlink's assigner. Raises NotTranslatable for one of another kind."""
    kind = type(assigner)
    if isinstance(assigner, lab.TumblingEventTimeWindows) and kind is lab.TumblingEventTimeWindows:
        return flink.TumblingEventTimeWindows(assigner.size_ms, assigner.offset_ms)
    if isinstance(assigner, lab.SlidingEventTimeWindows) and kind is lab.SlidingEventTimeWindows:
        return flink.SlidingEventTimeWindows(assigner.size_ms, assigner.slide_ms, assigner.offset_ms)
    if isinstance(assigner, lab.EventTimeSessionWindows) and kind is lab.EventTimeSessionWindows:
        return flink.EventTimeSessionWindows(assigner.gap_ms)
    if kind is lab.GlobalWindows:
        return flink.GlobalWindows()
    raise NotTranslatable(
        f"operator {operator!r} has the window assigner {shorten(assigner)}, which Apache Flink doesn't know. "
        "Use tumbling, sliding, session or global windows there."
    )


def trigger_of(trigger: lab.Trigger, *, merging: bool) -> Any:
    """PyFlink's trigger, or one around ours. merging: whether its windows merge."""
    kind = type(trigger)
    if kind is lab.EventTimeTrigger:
        return flink.EventTimeTrigger.create()
    if kind is lab.NeverTrigger:
        return flink.NeverTrigger()
    if isinstance(trigger, lab.CountTrigger) and kind is lab.CountTrigger and not merging:
        return flink.CountTrigger.of(trigger.n)
    if isinstance(trigger, lab.PurgingTrigger) and kind is lab.PurgingTrigger:
        return flink.PurgingTrigger.of(trigger_of(trigger.inner, merging=merging))
    return OwnTrigger(trigger)


_COUNT = ListStateDescriptor("count", Types.LONG())
"""A trigger's number is the sum of a list. (PyFlink's own counting state loses numbers when windows merge.)"""


class _Context:
    """What the lab's triggers get, made of what PyFlink's get."""

    def __init__(self, ctx: Any) -> None:
        self._flink = ctx

    def get_current_watermark(self) -> int:
        watermark: int = self._flink.get_current_watermark()
        return watermark

    def register_event_time_timer(self, timestamp: int) -> None:
        self._flink.register_event_time_timer(timestamp)

    def delete_event_time_timer(self, timestamp: int) -> None:
        self._flink.delete_event_time_timer(timestamp)

    def get_count(self) -> int:
        return sum(self._flink.get_partitioned_state(_COUNT).get() or ())

    def set_count(self, count: int) -> None:
        state = self._flink.get_partitioned_state(_COUNT)
        state.clear()
        state.add(count)


class OwnTrigger(flink.Trigger):
    """A trigger of the lab's kind at work in PyFlink."""

    def __init__(self, trigger: lab.Trigger) -> None:
        self._trigger = trigger

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> Any:
        return _result(self._trigger.on_element(element, timestamp, window_of(window), _Context(ctx)))

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> Any:
        return flink.TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> Any:
        return _result(self._trigger.on_event_time(time, window_of(window), _Context(ctx)))

    def can_merge(self) -> bool:
        return True

    def on_merge(self, window: Any, ctx: Any) -> None:
        ctx.merge_partitioned_state(_COUNT)
        self._trigger.on_merge(window_of(window), _Context(ctx))

    def clear(self, window: Any, ctx: Any) -> None:
        self._trigger.clear(window_of(window), _Context(ctx))
        ctx.get_partitioned_state(_COUNT).clear()


def _result(result: lab.TriggerResult) -> Any:
    return flink.TriggerResult[result.name]
