"""Late records: what waiting gains, and what it costs.

Real purchases, each with a delay until it arrives: most some seconds, one in twelve some minutes (a till that
had lost its network). Purchases are counted in windows of five minutes. The job's clock is turned to the time of
arrival with each record, so the time at which a result came can be read off it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.experiments.on_flink.stepping import Count
from recsys_lab.flink import (
    MAX_WATERMARK,
    FlinkStreamProcessor,
    ListSink,
    OutputTag,
    ProcessWindowFunction,
    TumblingEventTimeWindows,
    WatermarkStrategy,
    epoch_ms,
    moment_of,
)

WINDOW = timedelta(minutes=5)
BOUNDS = (0, 30, 60, 120, 300, 600)
"""Seconds; what the lab draws beside the bound that is chosen."""

SHORT_SECONDS, LONG_SECONDS, LONG_SHARE = 20.0, 240.0, 0.08


class Arrival(NamedTuple):
    """A purchase: when it happened, when it arrived (both epoch ms), what it was."""

    time: int
    arrived: int
    item_id: str


def arrivals(purchases: pd.DataFrame, *, seed: int = 0) -> list[Arrival]:
    """Purchases in the order in which they arrive. The same seed gives the same delays.

    purchases: as `datasets.load` gives them. Their times are whole minutes; the second is drawn by lot.
    """
    rng = np.random.default_rng(seed)
    count = len(purchases)
    delays = rng.exponential(SHORT_SECONDS, count)
    delays += rng.exponential(LONG_SECONDS, count) * (rng.random(count) < LONG_SHARE)
    happened = [epoch_ms(time.to_pydatetime()) for time in purchases["timestamp"]]
    seconds = rng.integers(0, 60, count)
    rows = [
        Arrival(time + 1000 * int(second), time + 1000 * int(second) + round(1000 * delay), str(item))
        for time, second, delay, item in zip(happened, seconds, delays, purchases["item_id"], strict=True)
    ]
    return sorted(rows, key=lambda row: row.arrived)


def counted_at_arrival(stream: Sequence[Arrival]) -> pd.DataFrame:
    """Purchases by window of five minutes, counted by when they happened and by when they arrived.

    stream: of `arrivals`. Columns: start (minutes since the first window), happened, arrived, elsewhere (of those that
    happened in this window, how many arrived in a later one).
    """
    size = WINDOW // timedelta(milliseconds=1)
    table = pd.DataFrame(stream, columns=["time", "arrived", "item_id"])
    happened, arrived = table["time"] // size, table["arrived"] // size
    windows = range(int(happened.min()), int(arrived.max()) + 1)
    return pd.DataFrame(
        {
            "start": [(number - windows[0]) * size / 60_000 for number in windows],
            "happened": happened.value_counts().reindex(windows, fill_value=0).to_numpy(),
            "arrived": arrived.value_counts().reindex(windows, fill_value=0).to_numpy(),
            "elsewhere": happened[happened != arrived].value_counts().reindex(windows, fill_value=0).to_numpy(),
        }
    )


class _Fired(ProcessWindowFunction):
    """A window's count, and when it came on the job's clock; -1 where only the end of the stream made it come."""

    def process(self, key: Any, context: Any, elements: Any) -> Iterator[tuple[int, int, int]]:
        ended = context.current_watermark() == MAX_WATERMARK
        yield context.window().end, sum(elements), -1 if ended else context.current_processing_time()


def lateness(stream: Sequence[Arrival], *, bounds: Sequence[int] = BOUNDS, lateness: int = 0) -> pd.DataFrame:
    """A row for each bound: what the first results held, what updates added, what came too late.

    stream: of `arrivals`. bounds: seconds that the watermark waits. lateness: seconds that a window is kept
    after that (allowed lateness).
    Columns: bound, lateness, purchases, first (counted in the first result of their window), updated (in a later
    one), late (in the side output), updates (results that corrected an earlier one), delay_s (from a window's
    end to its first result, on average).
    """
    return pd.DataFrame([_measured(stream, bound, lateness) for bound in bounds])


def _measured(stream: Sequence[Arrival], bound: int, lateness: int) -> dict[str, float]:
    clock = SimulatedClock(moment_of(stream[0].arrived))
    processor = FlinkStreamProcessor(checkpoint_interval=None, clock=clock)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=bound))
    results, late, tag = ListSink(), ListSink(), OutputTag("late")
    counts = (
        processor.add_source(lambda: _arriving(stream, clock))
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda row, _: row[0]))
        .window(TumblingEventTimeWindows.of(WINDOW))
        .allowed_lateness(timedelta(seconds=lateness))
        .side_output_late_data(tag)
        .aggregate(Count(), _Fired())
    )
    counts.sink_to(results)
    counts.get_side_output(tag).sink_to(late)
    processor.execute("counts")
    table = pd.DataFrame(list(results), columns=["end", "count", "came"]).groupby("end", sort=False)
    first, last = table.first(), table.last()
    in_time = first[first["came"] >= 0]
    return {
        "bound": bound,
        "lateness": lateness,
        "purchases": len(stream),
        "first": int(first["count"].sum()),
        "updated": int((last["count"] - first["count"]).sum()),
        "late": len(late),
        "updates": len(results) - len(first),
        "delay_s": float((in_time["came"] - in_time.index).mean() / 1000),
    }


def _arriving(stream: Sequence[Arrival], clock: SimulatedClock) -> Iterator[tuple[int, int, str]]:
    for row in stream:
        clock.set(moment_of(row.arrived))
        yield row.time, row.arrived, row.item_id
