"""Builders for dataflows: streams of (key, time, value), and one line for a job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from recsys_lab.flink import DataStream, FlinkStreamProcessor, ListSink, Stepper, WatermarkStrategy

Event = tuple[str, int, int]
"""key, time in ms, value"""

untimed = settings(deadline=None, max_examples=60)
"""No test may fail because the machine is busy."""

events = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 100), st.integers(0, 9)),
    max_size=40,
)
bounds = st.integers(0, 30)
sizes = st.integers(1, 40)
batch_sizes = st.sampled_from([1, 2, 3, 7, 1_024])
parallelisms = st.integers(1, 8)


def numbered(stream: Sequence[Event]) -> list[Event]:
    """The same with values 0, 1, 2 …, so that every element can be told from every other."""
    return [(key, time, number) for number, (key, time, _) in enumerate(stream)]


def key_of(event: Event) -> str:
    return event[0]


def time_of(event: Event, _: int) -> int:
    return event[1]


def value_of(event: Event) -> int:
    return event[2]


def strategy(bound: int) -> WatermarkStrategy:
    return WatermarkStrategy.for_bounded_out_of_orderness(bound).with_timestamp_assigner(time_of)


def timed(processor: FlinkStreamProcessor, stream: Any, bound: int = 0) -> DataStream:
    """The stream with its timestamps and watermarks."""
    return processor.add_source(stream).assign_timestamps_and_watermarks(strategy(bound))


Build = Callable[[FlinkStreamProcessor], DataStream]


def run(build: Build, **settings: Any) -> list[Any]:
    """What the stream that `build` gives carries."""
    processor = FlinkStreamProcessor(**settings)
    return build(processor).execute_and_collect()


def stepped(build: Build, **settings: Any) -> list[Any]:
    """The same, one step at a time."""
    processor = FlinkStreamProcessor(**settings)
    sink = ListSink()
    build(processor).sink_to(sink)
    stepper: Stepper = processor.step_through()
    with stepper:
        for _ in stepper:
            pass
    return sink.values


def by_key(results: Sequence[Any], key: Callable[[Any], Any] = key_of) -> dict[Any, list[Any]]:
    """Results of each key, in their order."""
    grouped: dict[Any, list[Any]] = defaultdict(list)
    for result in results:
        grouped[key(result)].append(result)
    return dict(grouped)
