"""The definition by which windows are judged, against the lab's own dataflow engine on the same arrivals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab import flink
from recsys_lab.study.questions.beginner_4.check import Setting, definition


class Counted(flink.ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Any) -> Iterator[tuple[int, int]]:
        yield context.window().start // 1000, len(list(elements))


def by_the_engine(times: list[int], setting: Setting) -> tuple[list[tuple[int, int]], int]:
    """All that was told, in order, and how many came too late."""
    processor, tag = flink.FlinkStreamProcessor(checkpoint_interval=None), flink.OutputTag("late")
    told, late = flink.ListSink(), flink.ListSink()
    strategy = flink.WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=setting.bound))
    counts = (
        processor.add_source(times)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda time, _: time * 1000))
        .window(flink.TumblingEventTimeWindows.of(timedelta(seconds=setting.size)))
        .allowed_lateness(timedelta(seconds=setting.lateness))
        .side_output_late_data(tag)
        .process(Counted())
    )
    counts.sink_to(told)
    counts.get_side_output(tag).sink_to(late)
    processor.execute("counts")
    return list(told), len(late)


@given(
    st.lists(st.integers(0, 120), max_size=40),
    st.builds(Setting, st.integers(1, 20), st.integers(0, 30), st.integers(0, 30)),
)
def test_what_is_told_and_what_is_late_are_those_of_the_dataflow_engine(times: list[int], setting: Setting) -> None:
    answers = definition(times, setting)
    told = [window for answer in answers for window in answer.told]

    assert (told, answers[-1].late) == by_the_engine(times, setting)


@pytest.mark.parametrize("setting", [Setting(10, 0, 0), Setting(10, 5, 20)])
def test_every_purchase_is_in_the_last_telling_of_its_window_or_late(setting: Setting) -> None:
    times = [(37 * n) % 101 + n for n in range(200)]

    answers = definition(times, setting)
    last_telling = dict(window for answer in answers for window in answer.told)

    assert sum(last_telling.values()) + answers[-1].late == len(times)


def test_an_example_worked_by_hand() -> None:
    answers = definition([3, 14, 6, 31, 8], Setting(10, 2, 5))

    assert [answer.told for answer in answers] == [[], [(0, 1)], [(0, 2)], [(10, 1)], [], [(30, 1)]]
    assert [answer.late for answer in answers] == [0, 0, 0, 0, 1, 1]
