"""The same events in windows of three kinds: tumbling, sliding, session."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recsys_lab.experiments.on_flink.morning import timed, user_of, visit
from recsys_lab.experiments.on_flink.stepping import Count, counted
from recsys_lab.flink import (
    EventTimeSessionWindows,
    FlinkStreamProcessor,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WindowAssigner,
)

ONE_VISITOR = ("10:01", "10:03", "10:04", "10:09", "10:12", "10:13", "10:22", "10:28")


def window_kinds(*, size: int = 10, slide: int = 5, gap: int = 4) -> pd.DataFrame:
    """Which windows there are over eight visits of ann, and how many events each counts.

    size, slide, gap: minutes; of the tumbling and the sliding windows, of the sliding ones, of the sessions.
    Columns: kind (event, tumbling, sliding, session), label, start, end (epoch ms; of an event both its time),
    count.
    """
    visits = [visit("ann", clock) for clock in ONE_VISITOR]
    kinds: dict[str, tuple[str, WindowAssigner]] = {
        "tumbling": (f"every {size} min", TumblingEventTimeWindows.of(timedelta(minutes=size))),
        "sliding": (
            f"{size} min, every {slide}",
            SlidingEventTimeWindows.of(timedelta(minutes=size), timedelta(minutes=slide)),
        ),
        "session": (f"until {gap} min of silence", EventTimeSessionWindows.with_gap(timedelta(minutes=gap))),
    }
    rows = [("event", "", event["time"], event["time"], 1) for event in visits]
    for kind, (label, assigner) in kinds.items():
        processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=None)
        stream = timed(processor, visits, timedelta(hours=1)).key_by(user_of)
        results = stream.window(assigner).aggregate(Count(), counted).execute_and_collect()
        rows += [(kind, label, start, end, count) for _, start, end, count in sorted(results, key=lambda r: r[1])]
    return pd.DataFrame(rows, columns=["kind", "label", "start", "end", "count"])
