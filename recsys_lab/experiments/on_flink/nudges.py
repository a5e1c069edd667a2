"""A nudge: who has looked and then bought nothing for a while is reminded. State and a timer, for each user."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from recsys_lab.experiments.on_flink.morning import Visit
from recsys_lab.flink import KeyedProcessFunction, ValueStateDescriptor


class Nudge(KeyedProcessFunction):
    """Yields (user, time of the latest view) when no purchase came within `wait` of it."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait // timedelta(milliseconds=1)

    def open(self, runtime_context: Any) -> None:
        self.viewed = runtime_context.get_state(ValueStateDescriptor("viewed", int))

    def process_element(self, value: Visit, ctx: Any) -> None:
        viewed, time = self.viewed.value(), value["time"]
        if value["type"] == "view" and (viewed is None or time > viewed):
            self.viewed.update(time)
            ctx.timer_service().register_event_time_timer(time + self.wait)
        elif value["type"] == "purchase" and viewed is not None and time >= viewed:
            self.viewed.clear()

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[tuple[str, int]]:
        if self.viewed.value() == timestamp - self.wait:  # else a later view or a purchase has made it void
            yield ctx.get_current_key(), self.viewed.value()
            self.viewed.clear()
