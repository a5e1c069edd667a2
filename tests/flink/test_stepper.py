"""The stepper: what one sees of a run, record by record."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from recsys_lab.errors import JobError
from recsys_lab.flink import (
    FlinkStreamProcessor,
    KeyedProcessFunction,
    ListSink,
    MapStateDescriptor,
    RestartStrategies,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
)
from recsys_lab.flink.keys import key_group, subtask_of
from tests.flink.jobs import key_of, timed, value_of


def test_each_step_shows_watermark_windows_firings_and_what_came_too_late() -> None:
    stream = [("a", 1, 1), ("a", 12, 2), ("b", 3, 3), ("a", 13, 4)]
    processor = FlinkStreamProcessor(parallelism=2)
    windows = timed(processor, stream, 0).key_by(key_of).window(TumblingEventTimeWindows.of(10))
    windows.apply(lambda key, window, elements: [(key, window.start, len(elements))]).name("count").sink_to(ListSink())
    with processor.step_through() as stepper:
        first, second, third, fourth, last = list(stepper)
    assert first.records == {"source-0": [("a", 1, 1)]}
    assert first.watermarks["count"] == 0
    assert first.windows == [
        {"operator": "count", "key": "a", "subtask": subtask_of("a", 2), "start": 0, "end": 10, "held": [("a", 1, 1)]}
    ]
    assert second.fired == [{"operator": "count", "value": ("a", 0, 1), "timestamp": 9}]
    assert second.output == {"sink-4": [("a", 0, 1)]}
    assert [(w["start"], w["end"]) for w in second.windows] == [(10, 20)]
    assert third.late == {"count": 1}
    assert fourth.late == {}
    assert last.records == {"source-0": []}
    assert last.watermarks["count"] == "end"
    assert last.output == {"sink-4": [("a", 10, 2)]}
    assert last.windows == []
    msgspec.json.encode([step.to_dict() for step in (first, second, third, fourth, last)])  # plain data


def test_state_and_timers_are_seen_with_the_subtask_that_owns_them() -> None:
    class Visits(KeyedProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.count = runtime_context.get_state(ValueStateDescriptor("count", int))
            self.items = runtime_context.get_map_state(MapStateDescriptor("items"))

        def process_element(self, value: Any, ctx: Any) -> None:
            self.count.update((self.count.value() or 0) + 1)
            self.items.put(value_of(value), True)
            ctx.timer_service().register_event_time_timer(value[1] + 100)

    processor = FlinkStreamProcessor(parallelism=4)
    timed(processor, [("a", 1, 7)]).key_by(key_of).process(Visits()).sink(print)
    with processor.step_through() as stepper:
        step = stepper.step()
    assert step is not None
    at = {"operator": "process-3", "key": "a", "subtask": subtask_of("a", 4)}
    assert step.timers == [{**at, "time": 101, "domain": "event"}]
    assert step.state == [
        {**at, "name": "count", "value": 1},
        {**at, "name": "items", "value": True, "map_key": 7},
    ]


def test_a_step_that_fails_raises_and_one_that_is_restarted_goes_on() -> None:
    def job(**settings: Any) -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(checkpoint_every=1, **settings)
        failures = iter([False, True])

        def fragile(event: Any) -> Any:
            if event[2] == 1 and next(failures, False) is False and not broken.pop():
                raise ValueError("broken")
            return event

        timed(processor, [("a", i, i) for i in range(3)]).map(fragile).sink_to(sink)
        return processor

    sink, broken = ListSink(), [True, False]
    with job().step_through() as stepper:
        stepper.step()
        with pytest.raises(JobError, match="broken"):
            stepper.step()
    sink, broken = ListSink(), [True, False]
    with job(restart_strategy=RestartStrategies.fixed_delay_restart(1, 0)).step_through() as stepper:
        result = stepper.run_to_end()
    assert (result.restarts, [value_of(e) for e in sink.values]) == (1, [0, 1, 2])


def test_a_run_can_be_left_in_the_middle_and_gone_on_with(tmp_path: Any) -> None:
    stream = [("a", i, i) for i in range(9)]
    sink = ListSink()

    def job() -> FlinkStreamProcessor:
        processor = FlinkStreamProcessor(checkpoint_dir=tmp_path)
        timed(processor, stream).key_by(key_of).reduce(lambda a, b: (a[0], 0, a[2] + b[2])).sink_to(sink)
        return processor

    with job().step_through() as stepper:
        for _ in range(4):
            stepper.step()
        stepper.checkpoint()
        stepper.step()
    job().execute(restore_from="latest")
    assert [value_of(e) for e in sink.values] == [0, 1, 3, 6, 10, 15, 21, 28, 36]


def test_key_groups_are_shared_out_in_ranges() -> None:
    for parallelism in (1, 2, 3, 8, 128):
        owners = [group * parallelism // 128 for group in range(128)]
        assert owners == sorted(owners)
        assert set(owners) == set(range(parallelism))
        assert subtask_of("ann", parallelism) == owners[key_group("ann")]
    assert 0 <= key_group("ann") < 128
    assert key_group(("ann", 1)) == key_group(("ann", 1))
