"""What a job remembers of its customers, with and without a time to live."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.flink import FlinkStreamProcessor, KeyedProcessFunction, StateTtlConfig, ValueStateDescriptor


class LastSeen(KeyedProcessFunction):
    """Remembers each customer; yields how many times a customer has come that it still knows."""

    def __init__(self, ttl: timedelta | None) -> None:
        self.ttl = ttl

    def open(self, runtime_context: Any) -> None:
        visits = ValueStateDescriptor("visits", int)
        if self.ttl is not None:
            visits.enable_time_to_live(StateTtlConfig.new_builder(self.ttl).build())
        self.visits = runtime_context.get_state(visits)

    def process_element(self, value: Any, ctx: Any) -> Iterator[tuple[str, int]]:
        self.visits.update((self.visits.value() or 0) + 1)
        yield ctx.get_current_key(), self.visits.value()


def remembered(purchases: pd.DataFrame, *, ttl_hours: int = 12) -> pd.DataFrame:
    """How many customers a job's state holds, basket by basket, with and without a time to live.

    purchases: as `datasets.load` gives them; the job's clock is turned to their times.
    Columns: time, baskets (so far), time_to_live (none, or such as "12 hours"), held (customers in memory).
    """
    baskets = purchases.drop_duplicates(["user_id", "timestamp"])[["user_id", "timestamp"]]
    tables = []
    for ttl in (None, timedelta(hours=ttl_hours)):
        clock = SimulatedClock(baskets["timestamp"].min().to_pydatetime())
        processor = FlinkStreamProcessor(checkpoint_interval=None, clock=clock)
        stream = processor.add_source(lambda clock=clock: _as_they_come(baskets, clock), name="baskets")
        stream.key_by(lambda basket: basket[0]).process(LastSeen(ttl)).sink(lambda seen: None)
        with processor.step_through("customers") as stepper:
            held = [len(step.state) for step in stepper if step.records.get("baskets")]
        name = "none" if ttl is None else f"{ttl_hours} hours"
        tables.append(
            pd.DataFrame(
                {
                    "time": baskets["timestamp"].to_numpy(),
                    "baskets": range(1, len(held) + 1),
                    "time_to_live": name,
                    "held": held,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _as_they_come(baskets: pd.DataFrame, clock: SimulatedClock) -> Iterator[tuple[str, str]]:
    for row in baskets.itertuples(index=False):
        clock.set(row.timestamp.to_pydatetime())  # type: ignore[union-attr]
        yield str(row.user_id), f"{row.timestamp:%H:%M}"
