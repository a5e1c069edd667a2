"""Building and failing: what cannot work is refused with a remedy, what fails is named with its record."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys_lab.errors import JobError
from recsys_lab.flink import (
    AggregateFunction,
    CountTrigger,
    EventTimeSessionWindows,
    FlinkStreamProcessor,
    GlobalWindows,
    KeyedProcessFunction,
    MapFunction,
    OperatorFailed,
    OutputTag,
    RestartStrategies,
    SlidingEventTimeWindows,
    StateTtlConfig,
    StreamOperator,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WatermarkStrategy,
)
from tests.flink.jobs import key_of, strategy, time_of, timed

MINUTES = timedelta(minutes=1)


def keyed() -> Any:
    return timed(FlinkStreamProcessor(), [("a", 1, 1)]).key_by(key_of)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: TumblingEventTimeWindows.of(0), "window size is 0 ms; at least 1 ms"),
        (lambda: TumblingEventTimeWindows.of(-5 * MINUTES), "window size"),
        (lambda: TumblingEventTimeWindows.of(MINUTES, MINUTES), "offset"),
        (lambda: TumblingEventTimeWindows.of(2.5), "timedelta"),
        (lambda: TumblingEventTimeWindows.of(timedelta(microseconds=1)), "whole milliseconds"),
        (lambda: SlidingEventTimeWindows.of(MINUTES, 0), "window slide"),
        (lambda: EventTimeSessionWindows.with_gap(timedelta(0)), "session gap"),
        (lambda: CountTrigger.of(0), "CountTrigger"),
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness("5s"), "bound"),
        (lambda: WatermarkStrategy.for_monotonous_timestamps().with_idleness(0), "idleness"),
        (lambda: WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(7), "assigner"),
        (lambda: StateTtlConfig.new_builder(0), "time to live"),
        (lambda: FlinkStreamProcessor(parallelism=0), "parallelism"),
        (lambda: FlinkStreamProcessor(parallelism=129), "parallelism"),
        (lambda: FlinkStreamProcessor(checkpoint_interval=0), "checkpoint_interval"),
        (lambda: FlinkStreamProcessor(checkpoint_every=0), "checkpoint_every"),
        (lambda: RestartStrategies.fixed_delay_restart(-1, 0), "restart_attempts"),
        (lambda: RestartStrategies.exponential_delay_restart(10, 5), "max_backoff"),
        (lambda: FlinkStreamProcessor().add_source(7), "source is 7"),
        (lambda: FlinkStreamProcessor().add_source(pd.DataFrame({"n": [1]})), "to_dict"),
        (lambda: FlinkStreamProcessor().execute(), "add_source"),
        (lambda: keyed().map(None), "function"),
        (lambda: keyed().map(MapFunction), "cannot be used"),
        (lambda: keyed().process(lambda v: v).map, None),
        (lambda: keyed().window(5), "assigner"),
        (lambda: keyed().window(TumblingEventTimeWindows.of(5)).trigger("often"), "trigger"),
        (lambda: keyed().window(TumblingEventTimeWindows.of(5)).aggregate(sum), "AggregateFunction"),
        (lambda: keyed().window(TumblingEventTimeWindows.of(5)).aggregate(FailsToAdd), "AggregateFunction"),
        (lambda: keyed().window(TumblingEventTimeWindows.of(5)).allowed_lateness(-1), "lateness"),
        (lambda: keyed().get_side_output("late"), "OutputTag"),
        (lambda: keyed().union([1]), "no stream"),
        (lambda: keyed().union(keyed()), "another program"),
        (lambda: keyed().interval_join(keyed()).process(print), "bounds"),
        (lambda: keyed().interval_join(keyed()).between(5, 1), "must not be above"),
        (lambda: keyed().sink_to([]), "sink"),
        (lambda: keyed().sink(None), "sink"),
        (lambda: keyed().assign_timestamps_and_watermarks(5), "strategy"),
        (lambda: keyed().name("timestamps-1"), "taken"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_built(build: Any, says: str | None) -> None:
    if says is None:
        build()
        return
    with pytest.raises(JobError, match=says):
        build()


def failing(build: Any, stream: list[Any] | None = None) -> JobError:
    processor = FlinkStreamProcessor()
    given = [("a", 1, 1), ("a", 2, 0), ("a", 3, 3)] if stream is None else stream
    with pytest.raises(JobError) as failed:
        build(processor.add_source(given)).execute_and_collect()
    return failed.value


def test_a_failing_function_is_named_with_its_record_and_cause() -> None:
    failed = failing(lambda s: s.map(lambda e: 1 / e[2]).name("invert"))
    assert isinstance(failed, OperatorFailed)
    assert (failed.operator, failed.record) == ("invert", ("a", 2, 0))
    assert isinstance(failed.cause, ZeroDivisionError)
    assert isinstance(failed.__cause__, ZeroDivisionError)
    assert str(failed) == "operator 'invert' failed on ('a', 2, 0): ZeroDivisionError: division by zero"


class FailsToAdd(AggregateFunction):
    def create_accumulator(self) -> float:
        return 0.0

    def add(self, value: Any, accumulator: float) -> float:
        return accumulator + 1 / value[2]

    def get_result(self, accumulator: float) -> float:
        return accumulator

    def merge(self, a: float, b: float) -> float:
        return a + b


class FailsOnTimer(KeyedProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> None:
        ctx.timer_service().register_event_time_timer(value[1])

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("build", "operator"),
    [
        (lambda s: s.filter(lambda e: 1 / e[2]), "filter-2"),
        (lambda s: s.flat_map(lambda e: [1 / e[2]]), "flat_map-2"),
        (lambda s: s.key_by(lambda e: 1 / e[2]).reduce(max), "key_by-2"),
        (lambda s: s.key_by(key_of).reduce(lambda a, b: 1 / b[2]), "rolling-3"),
        (lambda s: s.key_by(key_of).window(TumblingEventTimeWindows.of(5)).aggregate(FailsToAdd()), "window-3"),
        (lambda s: s.key_by(key_of).window(SlidingEventTimeWindows.of(5, 2)).aggregate(FailsToAdd()), "window-3"),
        (lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_gap(5)).aggregate(FailsToAdd()), "window-3"),
        (lambda s: s.key_by(key_of).window(TumblingEventTimeWindows.of(5)).apply(lambda k, w, e: 1 / 0), "window-3"),
        (lambda s: s.key_by(key_of).window(TumblingEventTimeWindows.of(5)).apply(lambda k, w, e: None), "window-3"),
        (lambda s: s.key_by(key_of).process(FailsOnTimer()), "process-3"),
        (lambda s: timestamps(s, lambda e, t: 1 / e[2]), "timestamps-2"),
    ],
)
def test_the_operator_that_failed_is_named(build: Any, operator: str) -> None:
    failed = failing(lambda s: build(s.assign_timestamps_and_watermarks(strategy(0))))
    assert isinstance(failed, OperatorFailed)
    assert failed.operator == operator


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda s: s.map(lambda e: None), "returned nothing"),
        (lambda s: s.key_by(lambda e: [e[0]]).reduce(max), "not hashable"),
        (lambda s: s.key_by(lambda e: (e[0], [])).reduce(max), "not hashable"),
        (lambda s: s.key_by(key_of).window(TumblingEventTimeWindows.of(5)).reduce(max), "no timestamp"),
        (lambda s: s.key_by(key_of).window(EventTimeSessionWindows.with_gap(5)).reduce(max), "no timestamp"),
        (lambda s: s.assign_timestamps_and_watermarks(WatermarkStrategy.for_monotonous_timestamps()), "no timestamp"),
        (lambda s: timestamps(s, lambda e, t: "10:00"), "its timestamp is '10:00'"),
        (lambda s: timestamps(s, lambda e, t: None), "its timestamp is None"),
        (lambda s: timestamps(s, lambda e, t: float("nan")), "its timestamp is nan"),
        (lambda s: timestamps(s, lambda e, t: True), "its timestamp is True"),
        (lambda s: timestamps(s, lambda e, t: datetime(2026, 1, 1, tzinfo=timezone.utc)), "epoch_ms"),
        (lambda s: timestamps(s, time_of).key_by(key_of).window(TumblingEventTimeWindows.of(5)).reduce(no), "nothing"),
        (lambda s: timestamps(s, time_of).key_by(key_of).reduce(no), "nothing"),
    ],
)
def test_records_that_cannot_be_right_are_refused_with_a_remedy(build: Any, says: str) -> None:
    assert says in str(failing(build, [("a", 1, 1), ("a", 2, 2), ("a", 3, 3)]))


def no(*arguments: Any) -> None:
    """Forgets to return."""


def timestamps(stream: Any, assigner: Any) -> Any:
    plain = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(assigner)
    return stream.assign_timestamps_and_watermarks(plain)


def nothing_left(*arguments: Any) -> Any:
    """Asks for the first of none."""
    return next(iter([]))


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s.map(nothing_left),
        lambda s: s.filter(nothing_left),
        lambda s: s.flat_map(nothing_left),
        lambda s: s.key_by(nothing_left).reduce(max),
        lambda s: timestamps(s, nothing_left),
    ],
)
def test_an_iterator_that_runs_out_within_a_function_ends_no_stream(build: Any) -> None:
    """StopIteration is a failure too: where it is taken for the end of the records, those behind are gone."""
    failed = failing(build)
    assert isinstance(failed, OperatorFailed)
    assert failed.record == ("a", 1, 1)
    assert isinstance(failed.cause, StopIteration)
    assert "next()" in str(failed)


class Opaque:
    """Nobody can save it."""


class KeepsWhatItGets(KeyedProcessFunction):
    def open(self, runtime_context: Any) -> None:
        self.kept = runtime_context.get_state(ValueStateDescriptor("kept"))

    def process_element(self, value: Any, ctx: Any) -> None:
        self.kept.update(Opaque())


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s.key_by(key_of).process(KeepsWhatItGets()).name("keeper"),
        lambda s: s.key_by(key_of).reduce(lambda a, b: Opaque()).name("keeper"),
        lambda s: s.map(lambda e: Opaque()).key_by(lambda e: 1).window(GlobalWindows()).apply(no).name("keeper"),
    ],
)
def test_an_operator_whose_state_cannot_be_saved_is_named(build: Any) -> None:
    failed = failing(lambda s: build(s.assign_timestamps_and_watermarks(strategy(0))))
    assert "operator 'keeper'" in str(failed)
    assert "of type Opaque cannot be saved in a checkpoint" in str(failed)


class Merges(AggregateFunction):
    """But it doesn't."""

    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Any, accumulator: int) -> int:
        return accumulator + 1

    def get_result(self, accumulator: int) -> int:
        return accumulator


def test_an_aggregate_that_sessions_cannot_merge_says_what_it_lacks() -> None:
    failed = failing(
        lambda s: (
            s.assign_timestamps_and_watermarks(strategy(50))
            .key_by(key_of)
            .window(EventTimeSessionWindows.with_gap(5))
            .aggregate(Merges())
        ),
        [("a", 1, 1), ("a", 9, 1), ("a", 5, 1)],
    )
    assert "Merges needs a `merge`" in str(failed)


def test_timestamps_may_be_any_whole_or_broken_number() -> None:
    for time in (5, 5.9, np.int64(5), np.float32(5.5)):
        processor = FlinkStreamProcessor()
        windows = timestamps(processor.add_source([("a", time)]), lambda e, t: e[1]).window(
            TumblingEventTimeWindows.of(5)
        )
        assert windows.apply(lambda k, w, e: [w.start]).execute_and_collect() == [5]


def test_a_function_that_cannot_be_opened_is_named() -> None:
    class Closed(MapFunction):
        def open(self, runtime_context: Any) -> None:
            raise ConnectionError("no model")

        def map(self, value: Any) -> Any:
            return value

    assert "operator 'map-1' failed on 'its opening': ConnectionError: no model" in str(
        failing(lambda s: s.map(Closed()))
    )


def test_the_graph_is_real_nodes_with_metrics() -> None:
    processor = FlinkStreamProcessor(parallelism=3)
    late = OutputTag("late")
    windows = (
        timed(processor, [("a", 1, 1), ("a", 100, 2), ("b", 2, 3)])
        .filter(lambda e: e[2] > 0)
        .key_by(key_of)
        .window(TumblingEventTimeWindows.of(10))
        .side_output_late_data(late)
        .apply(lambda k, w, e: [k])
    )
    windows.sink(lambda v: None)
    result = processor.execute()
    nodes = processor.operators
    assert all(isinstance(node, StreamOperator) for node in nodes)
    assert [node.kind for node in nodes] == ["source", "timestamps", "filter", "key_by", "window", "sink"]
    assert [before.name for before in nodes[4].upstream] == ["key_by-3"]
    assert [node.parallelism for node in nodes] == [1, 3, 3, 3, 3, 3]
    assert nodes[4].metrics == {"records_in": 3, "records_out": 2, "late_records": 1}
    assert (result.records_in, result.records_out, result.late_records) == (3, 2, 1)
    dot = processor.graph.to_dot()
    assert dot.startswith("digraph")
    assert dot.count("->") == 5
    assert "window-4" in processor.graph.to_text()
    assert nodes[4].describe()["upstream"] == [3]


def test_another_runtime_gets_the_job() -> None:
    class Elsewhere:
        def execute(self, processor: Any, job_name: str, restore_from: Any) -> Any:
            return (len(processor.operators), job_name, restore_from)

    processor = FlinkStreamProcessor()
    processor.add_source([1]).sink(print)
    assert processor.execute("far", runtime=Elsewhere()) == (2, "far", None)
    with pytest.raises(JobError, match="runtime"):
        processor.execute(runtime="mars")


def test_a_job_can_be_executed_again() -> None:
    processor = FlinkStreamProcessor()
    seen: list[int] = []
    processor.add_source([1, 2]).map(lambda n: n + 1).sink(seen.append)
    assert processor.execute() == processor.execute()
    assert seen == [2, 3, 2, 3]
