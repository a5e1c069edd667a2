"""A nudge: who has looked at something, and then did nothing for a while, is reminded. State and timers, by user."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from recsys_lab.experiments.on_flink.morning import Visit
from recsys_lab.flink import KeyedProcessFunction, MapStateDescriptor


class Nudge(KeyedProcessFunction):
    """Yields (user, time of a view) when nothing else came from that user within `wait` of it."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait // timedelta(milliseconds=1)

    def open(self, runtime_context: Any) -> None:
        self.recent = runtime_context.get_map_state(MapStateDescriptor("recent", int, str))

    def process_element(self, value: Visit, ctx: Any) -> None:
        self.recent.put(value["time"], value["type"])
        ctx.timer_service().register_event_time_timer(value["time"] + self.wait)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[str, int]]:
        time = timestamp - self.wait
        kind, others = self.recent.get(time), self.recent.keys()
        if kind == "view" and not any(time < other <= timestamp for other in others):
            yield ctx.get_current_key(), time
        self.recent.remove(time)
