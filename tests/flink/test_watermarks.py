"""Watermarks: highest timestamp less bound less one, never back; the minimum over inputs, idle ones left out."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.flink import MAX_WATERMARK, MIN_WATERMARK, FlinkStreamProcessor, KeyedProcessFunction, WatermarkStrategy
from recsys_lab.flink.batches import ACTIVE, Batch, merge
from tests.flink.jobs import Event, batch_sizes, bounds, events, key_of, run, stepped, time_of, timed, untimed


class Told(KeyedProcessFunction):
    """The watermark that each element meets."""

    def process_element(self, value: Event, ctx: Any) -> Any:
        yield (value[1], ctx.timer_service().current_watermark())


@untimed
@given(events, bounds, batch_sizes)
def test_the_watermark_is_the_highest_timestamp_less_the_bound_less_one(
    stream: list[Event], bound: int, batch_size: int
) -> None:
    got = run(lambda p: timed(p, stream, bound).key_by(key_of).process(Told()), batch_size=batch_size)
    highest = [None, *accumulate((e[1] for e in stream), max)]
    assert got == [(e[1], MIN_WATERMARK if h is None else h - bound - 1) for e, h in zip(stream, highest, strict=False)]


def test_monotonous_timestamps_are_a_bound_of_zero() -> None:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(time_of)

    def job(p: FlinkStreamProcessor) -> Any:
        return (
            p.add_source([("a", 5, 0), ("a", 9, 0)])
            .assign_timestamps_and_watermarks(strategy)
            .key_by(key_of)
            .process(Told())
        )

    assert run(job) == [(5, MIN_WATERMARK), (9, 4)]


def test_an_assigner_is_told_the_timestamp_that_the_record_had() -> None:
    seen: list[int] = []

    def assign(event: Event, before: int) -> int:
        seen.append(before)
        return event[1] + 100

    again = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(assign)
    run(lambda p: timed(p, [("a", 5, 0), ("a", 9, 0)]).assign_timestamps_and_watermarks(again))
    assert seen == [5, 9]
    seen.clear()
    run(lambda p: p.add_source([("a", 5, 0)]).assign_timestamps_and_watermarks(again))
    assert seen == [MIN_WATERMARK]


@untimed
@given(events, events, bounds, bounds, batch_sizes)
def test_a_union_meets_the_lower_watermark_of_both_at_every_element(
    left: list[Event], right: list[Event], bound_left: int, bound_right: int, batch_size: int
) -> None:
    def job(p: FlinkStreamProcessor) -> Any:
        return timed(p, left, bound_left).union(timed(p, right, bound_right)).key_by(key_of).process(Told())

    expected = []
    marks = [MIN_WATERMARK, MIN_WATERMARK]
    for i in range(max(len(left), len(right)) + 1):
        for side, (stream, bound) in enumerate(((left, bound_left), (right, bound_right))):
            if i < len(stream):
                expected.append((stream[i][1], min(marks)))
                marks[side] = max(marks[side], stream[i][1] - bound - 1)
            elif i == len(stream):
                marks[side] = MAX_WATERMARK
    assert run(job, batch_size=batch_size) == expected
    assert stepped(job) == expected


@untimed
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 50), min_size=6, max_size=6).map(sorted), st.integers(ACTIVE, 5)),
        min_size=2,
        max_size=4,
    ),
    st.integers(0, 50),
)
def test_merging_leaves_out_what_is_idle_and_never_goes_back(inputs: list[Any], before: int) -> None:
    parts = [Batch([], [], None, marks, idle_until) for marks, idle_until in inputs]
    merged = merge(parts, before)
    so_far = before
    for position in range(6):
        awake = [marks[position] for marks, idle_until in inputs if position > idle_until]
        so_far = max([so_far, min(awake)]) if awake else so_far
        assert merged.watermarks[position] == so_far
    assert merged.idle_until == min(idle_until for _, idle_until in inputs)
