"""A job, record by record: what each record did to watermark, windows, timers and state, as one table.

Nothing here computes what should happen. A real job runs on the lab's engine, which stands still after every
record; the table says what was to be seen inside it then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from recsys_lab.experiments.on_flink.morning import Visit, a_morning, timed, told, user_of
from recsys_lab.experiments.on_flink.nudges import Nudge
from recsys_lab.flink import (
    AggregateFunction,
    DataStream,
    EventTimeSessionWindows,
    FlinkStreamProcessor,
    KeyedStream,
    ListSink,
    Step,
    TimeWindow,
    TumblingEventTimeWindows,
)

COLUMNS = ("step", "what", "user", "start", "end", "text", "number")

FIVE_MINUTES = timedelta(minutes=5)
GAP = timedelta(minutes=3)


class Count(AggregateFunction):
    """How many."""

    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + 1

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, a: int, b: int) -> int:
        return a + b


Counted = tuple[str, int, int, int]
"""A window's result: user, start and end (epoch ms), count."""


def counted(user: str, window: TimeWindow, counts: Iterable[int]) -> list[Counted]:
    """The result of a window of one user."""
    return [(user, window.start, window.end, count) for count in counts]


JOBS: dict[str, Callable[[KeyedStream], DataStream]] = {
    "windows": lambda visits: visits.window(TumblingEventTimeWindows.of(FIVE_MINUTES)).aggregate(Count(), counted),
    "kept": lambda visits: (
        visits.window(TumblingEventTimeWindows.of(FIVE_MINUTES))
        .allowed_lateness(FIVE_MINUTES)
        .aggregate(Count(), counted)
    ),
    "sessions": lambda visits: visits.window(EventTimeSessionWindows.with_gap(GAP)).aggregate(Count(), counted),
    "nudges": lambda visits: visits.process(Nudge(FIVE_MINUTES)),
}
"""Windows of five minutes; the same, kept for five minutes more; sessions with a gap of three; nudges after five."""


def steps(job: str = "windows", bound: int = 60, records: Sequence[Visit] | None = None) -> pd.DataFrame:
    """Every step of a small job, from the first record to the end of the stream.

    job: of JOBS. bound: seconds that the watermark waits for records that come behind later ones. records: the
    morning's by default.
    Columns: step (from 1; the last is the end of the stream), what, user, start, end, text, number. A row is one of:
    record (start: its event time; text: its type; number: 1 where it was too late), watermark (start: in epoch ms,
    not given before the first and after the last record), window (in memory now; number: records in it),
    timer (start: when it is due), state (of the nudges: start: time and text: type of a record that is remembered),
    fired (a window's result; number: the count), nudged (start: the view, end: when the timer fired).
    """
    processor = FlinkStreamProcessor(parallelism=2, checkpoint_interval=None)
    visits = timed(processor, a_morning() if records is None else list(records), timedelta(seconds=bound))
    JOBS[job](visits.key_by(user_of)).sink_to(ListSink())
    rows: list[tuple[Any, ...]] = []
    with processor.step_through("a morning") as stepper:
        for step in stepper:
            rows += ((step.number, *row) for row in _seen(step))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"start": "Int64", "end": "Int64", "number": "Int64"})
    return table.assign(job=job, bound=bound)


Row = tuple[str, "str | None", "int | None", "int | None", str, "int | None"]


def _seen(step: Step) -> Iterator[Row]:
    for record in step.records.get("visits", ()):
        yield "record", record["user"], record["time"], None, record["type"], int(bool(step.late))
    watermark = next(mark for name, mark in step.watermarks.items() if name.startswith("timestamps"))
    yield "watermark", None, watermark if isinstance(watermark, int) else None, None, str(watermark), None
    for window in step.windows:
        yield "window", window["key"], window["start"], window["end"], "", window["held"]
    for timer in step.timers:
        yield "timer", timer["key"], timer["time"], None, "", None
    for state in step.state:
        yield "state", state["key"], state["map_key"], None, state["value"], None
    for result in step.output[max(step.output)] if step.output else ():
        if len(result) == 4:
            yield "fired", *result[:3], "", result[3]
        else:
            yield "nudged", result[0], result[1], None, told(result[1]), None
