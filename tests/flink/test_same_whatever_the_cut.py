"""Results don't depend on where a run is cut: into batches, by checkpoints, by steps, by a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.flink import (
    AggregateFunction,
    CountTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    FlinkStreamProcessor,
    GlobalWindows,
    KeyedProcessFunction,
    ListSink,
    ProcessWindowFunction,
    PurgingTrigger,
    RestartStrategies,
    SlidingEventTimeWindows,
    TimeWindow,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WatermarkStrategy,
)
from recsys_lab.flink.cep import CEP, Pattern

BATCHES = (1, 2, 3, 2_048)

Build = Callable[[FlinkStreamProcessor], ListSink]


def one_key(_: Any) -> str:
    return "all"


def stamped(bound: int = 0) -> WatermarkStrategy:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(milliseconds=bound))
    return strategy.with_timestamp_assigner(lambda number, _: number)


def results(build: Build, *, batch: int = 2_048, stepped: bool = False, **settings: Any) -> list[Any]:
    processor = FlinkStreamProcessor(batch_size=batch, **{"checkpoint_interval": None, **settings})
    sink = build(processor)
    if stepped:
        list(processor.step_through())
    else:
        processor.execute()
    return list(sink)


def every_way(build: Build) -> list[list[Any]]:
    return [
        *(results(build, batch=batch) for batch in BATCHES),
        results(build, checkpoint_every=1),
        results(build, stepped=True),
    ]


# -- what is handed on is a copy of what is held ---------------------------------------------------------------------


class Sum(KeyedProcessFunction):
    """Hands on the very object that it keeps."""

    def open(self, runtime_context: Any) -> None:
        self.state = runtime_context.get_state(ValueStateDescriptor("sum"))

    def process_element(self, value: int, ctx: Any) -> Iterator[dict[str, int]]:
        held = self.state.value() or {"n": 0}
        held["n"] += value
        self.state.update(held)
        yield held


class Growing(AggregateFunction):
    """Its result is the accumulator itself."""

    def create_accumulator(self) -> dict[str, int]:
        return {"n": 0}

    def add(self, value: int, accumulator: dict[str, int]) -> dict[str, int]:
        accumulator["n"] += 1
        return accumulator

    def get_result(self, accumulator: dict[str, int]) -> dict[str, int]:
        return accumulator

    def merge(self, a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
        return {"n": a["n"] + b["n"]}


def from_a_process_function(processor: FlinkStreamProcessor) -> ListSink:
    keyed = processor.add_source([1, 2, 3]).key_by(one_key)
    keyed.process(Sum()).map(lambda held: held["n"]).sink_to(sink := ListSink())
    return sink


def from_a_rolling_aggregate(processor: FlinkStreamProcessor) -> ListSink:
    keyed = processor.add_source([5, 5, 5]).key_by(one_key)
    keyed.aggregate(Growing()).map(lambda held: held["n"]).sink_to(sink := ListSink())
    return sink


def from_a_window_that_fires_late_again(processor: FlinkStreamProcessor) -> ListSink:
    stream = processor.add_source([1, 11, 2, 3, 12]).assign_timestamps_and_watermarks(stamped())
    windows = stream.window(TumblingEventTimeWindows.of(10)).allowed_lateness(timedelta(milliseconds=100))
    windows.aggregate(Growing()).map(lambda held: held["n"]).sink_to(sink := ListSink())
    return sink


@pytest.mark.parametrize(
    ("build", "right"),
    [
        (from_a_process_function, [1, 3, 6]),
        (from_a_rolling_aggregate, [1, 2, 3]),
        (from_a_window_that_fires_late_again, [1, 2, 3, 2]),
    ],
)
def test_what_is_handed_on_does_not_change_with_the_state(build: Build, right: list[int]) -> None:
    assert every_way(build) == [right] * (len(BATCHES) + 2)


def test_a_step_shows_state_as_it_was_then() -> None:
    processor = FlinkStreamProcessor(checkpoint_interval=None)
    from_a_process_function(processor)
    steps = list(processor.step_through())
    assert [entry["value"] for step in steps[:3] for entry in step.state] == [{"n": 1}, {"n": 3}, {"n": 6}]


def test_a_function_that_changes_its_record_changes_it_once_though_the_job_restarts() -> None:
    failed = []

    def one_more(record: dict[str, int]) -> dict[str, int]:
        record["x"] += 1
        if record["x"] == 6 and not failed:
            failed.append(True)
            raise ValueError("once")
        return record

    def build(processor: FlinkStreamProcessor) -> ListSink:
        records = [{"x": number} for number in range(6)]
        processor.add_source(records).map(one_more).map(lambda record: record["x"]).sink_to(sink := ListSink())
        return sink

    settings = {"checkpoint_every": 4, "restart_strategy": RestartStrategies.fixed_delay_restart(1, 0)}
    assert results(build, **settings) == [1, 2, 3, 4, 5, 6]


def test_one_branch_does_not_see_what_another_one_changed() -> None:
    def build(processor: FlinkStreamProcessor) -> ListSink:
        stream = processor.add_source([{"x": 1}, {"x": 2}])
        stream.map(lambda record: record.update(x=0) or record).sink_to(ListSink())
        stream.map(lambda record: record["x"]).sink_to(sink := ListSink())
        return sink

    assert every_way(build) == [[1, 2]] * (len(BATCHES) + 2)


# -- what a function changes, nobody else sees -----------------------------------------------------------------------


@dataclass
class Visit:
    t: int
    n: int = 0


def dicts(processor: FlinkStreamProcessor, times: Sequence[int]) -> Any:
    return timed_by(processor.add_source([{"t": t} for t in times]), lambda record: record["t"])


def visits(processor: FlinkStreamProcessor, times: Sequence[int]) -> Any:
    return timed_by(processor.add_source([Visit(t) for t in times]), lambda visit: visit.t)


def timed_by(stream: Any, time_of: Callable[[Any], int]) -> Any:
    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda record, _: time_of(record))
    return stream.assign_timestamps_and_watermarks(strategy).key_by(one_key)


def mark(key: Any, window: TimeWindow, records: Any) -> list[dict[str, int]]:
    """Adds up how often it was shown each of them, and where first."""
    for record in records:
        record.setdefault("start", window.start)
        record["n"] = record.get("n", 0) + 1
    return list(records)


class Mark(ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Any) -> list[dict[str, int]]:
        return mark(key, context.window(), elements)


WINDOWS: dict[str, Callable[[Any], Any]] = {
    "sliding": lambda keyed: keyed.window(SlidingEventTimeWindows.of(10, 5)),
    "sliding, by another trigger": lambda keyed: keyed.window(SlidingEventTimeWindows.of(10, 5)).trigger(
        PurgingTrigger.of(EventTimeTrigger.create())
    ),
    "late": lambda keyed: keyed.window(TumblingEventTimeWindows.of(10)).allowed_lateness(100),
    "late, sliding": lambda keyed: keyed.window(SlidingEventTimeWindows.of(10, 5)).allowed_lateness(100),
    "late sessions": lambda keyed: keyed.window(EventTimeSessionWindows.with_gap(5)).allowed_lateness(100),
    "by count": lambda keyed: keyed.window(GlobalWindows()).trigger(CountTrigger.of(2)),
}


@pytest.mark.parametrize("is_context", [False, True])
@pytest.mark.parametrize("windows", WINDOWS)
def test_a_window_function_that_changes_its_records_meets_them_unchanged_each_time(
    windows: str, is_context: bool
) -> None:
    def build(processor: FlinkStreamProcessor) -> ListSink:
        windowed = WINDOWS[windows](dicts(processor, [0, 3, 6, 12, 4, 13, 2, 30, 31]))
        marked = windowed.process(Mark()) if is_context else windowed.apply(mark)
        marked.sink_to(sink := ListSink())
        return sink

    def untouched(processor: FlinkStreamProcessor) -> ListSink:
        windowed = WINDOWS[windows](dicts(processor, [0, 3, 6, 12, 4, 13, 2, 30, 31]))
        windowed.apply(lambda key, window, records: [(window.start, record["t"]) for record in records]).sink_to(
            sink := ListSink()
        )
        return sink

    right = [{"t": t, "start": start, "n": 1} for start, t in results(untouched)]
    assert len(right) > 9
    assert every_way(build) == [right] * (len(BATCHES) + 2)


@pytest.mark.parametrize("windows", ["sliding", "sliding, by another trigger"])
def test_windows_that_overlap_share_no_record(windows: str) -> None:
    """A reduction in place, and an operator behind them that changes what it gets."""

    def added(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
        a["sum"] = a.get("sum", a["t"]) + b["t"]
        return a

    def reduced(processor: FlinkStreamProcessor) -> ListSink:
        sums = WINDOWS[windows](dicts(processor, [0, 3, 6, 9, 12])).reduce(added)
        sums.map(lambda record: record.get("sum", record["t"])).sink_to(sink := ListSink())
        return sink

    def changed_behind(processor: FlinkStreamProcessor) -> ListSink:
        records = WINDOWS[windows](visits(processor, [0, 3, 6, 9, 12])).apply(lambda key, window, inside: inside)

        def counted(visit: Visit) -> Visit:
            visit.n += 1
            return visit

        records.map(counted).map(lambda visit: (visit.t, visit.n)).sink_to(sink := ListSink())
        return sink

    assert every_way(reduced) == [[3, 18, 27, 12]] * (len(BATCHES) + 2)
    each_once = [(t, 1) for t in (0, 3, 0, 3, 6, 9, 6, 9, 12, 12)]
    assert every_way(changed_behind) == [each_once] * (len(BATCHES) + 2)


def test_a_join_that_changes_its_records_meets_them_unchanged_with_each_partner() -> None:
    def both(left: dict[str, int], right: dict[str, int], ctx: Any) -> list[dict[str, int]]:
        left["n"], right["n"] = left.get("n", 0) + 1, right.get("n", 0) + 1
        return [{**left, "other": right["t"], "others_n": right["n"]}]

    def build(processor: FlinkStreamProcessor) -> ListSink:
        left, right = dicts(processor, [0, 2, 4]), dicts(processor, [1, 3, 5])
        left.interval_join(right).between(-9, 9).process(both).sink_to(sink := ListSink())
        return sink

    for given in every_way(build):
        assert sorted((pair["t"], pair["other"]) for pair in given) == [(t, o) for t in (0, 2, 4) for o in (1, 3, 5)]
        assert {(pair["n"], pair["others_n"]) for pair in given} == {(1, 1)}


def test_a_match_that_is_changed_leaves_others_of_the_same_events_alone() -> None:
    def marked(match: Any) -> list[int]:
        for events in match.values():
            events[0]["n"] = events[0].get("n", 0) + 1
        return [match["first"][0]["t"], match["second"][0]["t"], match["first"][0]["n"], match["second"][0]["n"]]

    def build(processor: FlinkStreamProcessor) -> ListSink:
        pattern = Pattern.begin("first").followed_by_any("second")
        CEP.pattern(dicts(processor, [0, 1, 2]), pattern).select(marked).sink_to(sink := ListSink())
        return sink

    for given in every_way(build):
        assert sorted(given) == [[0, 1, 1, 1], [0, 2, 1, 1], [1, 2, 1, 1]]


def test_one_branch_does_not_see_what_another_one_changed_in_an_object() -> None:
    def changed(visit: Visit) -> Visit:
        visit.n = 7
        return visit

    def build(processor: FlinkStreamProcessor) -> ListSink:
        stream = processor.add_source([Visit(1), Visit(2)])
        stream.map(changed).sink_to(ListSink())
        stream.map(lambda visit: (visit.t, visit.n)).sink_to(sink := ListSink())
        return sink

    assert every_way(build) == [[(1, 0), (2, 0)]] * (len(BATCHES) + 2)


# -- idleness --------------------------------------------------------------------------------------------------------


def test_inputs_that_end_while_they_are_idle_still_let_everything_fire() -> None:
    def build(processor: FlinkStreamProcessor) -> ListSink:
        def slow() -> Iterator[int]:
            yield from range(3)
            clock.advance(timedelta(seconds=5))

        strategy = stamped().with_idleness(timedelta(seconds=1))
        clock = processor.clock
        first, second = (
            processor.add_source(slow, name=name).assign_timestamps_and_watermarks(strategy) for name in "ab"
        )
        windows = first.union(second).window(TumblingEventTimeWindows.of(10))
        windows.apply(lambda key, window, values: [len(list(values))]).sink_to(sink := ListSink())
        return sink

    for batch in BATCHES:
        assert results(build, batch=batch, clock=SimulatedClock()) == [6]
    assert results(build, stepped=True, clock=SimulatedClock()) == [6]


def test_after_a_long_restart_no_stream_is_idle_at_once() -> None:
    failed = []

    def once(number: int) -> int:
        if number == 1002 and not failed:
            failed.append(True)
            raise ValueError("once")
        return number

    processor = FlinkStreamProcessor(
        checkpoint_every=2, batch_size=2, clock=SimulatedClock(),
        restart_strategy=RestartStrategies.fixed_delay_restart(1, 30_000),
    )  # fmt: skip
    strategy = stamped().with_idleness(timedelta(seconds=10))
    ahead = processor.add_source([1000, 1001, 1002, 1003], name="ahead").assign_timestamps_and_watermarks(strategy)
    behind = processor.add_source([1, 2, 3, 4], name="behind").assign_timestamps_and_watermarks(strategy)
    windows = ahead.map(once).union(behind).window(TumblingEventTimeWindows.of(10))
    windows.apply(lambda key, window, values: [sorted(values)]).sink_to(sink := ListSink())

    result = processor.execute()

    assert (result.restarts, result.late_records) == (1, 0)
    assert sorted(sink) == [[1, 2, 3, 4], [1000, 1001, 1002, 1003]]


# -- triggers of one's own -------------------------------------------------------------------------------------------


def test_a_session_whose_content_was_purged_is_still_that_session_after_a_crash() -> None:
    def outcome(crash: bool) -> list[Any]:
        left = [True] if crash else []

        def once(number: int) -> int:
            if number == 9 and left:
                left.clear()
                raise ValueError("once")
            return number

        def build(processor: FlinkStreamProcessor) -> ListSink:
            numbers = processor.add_source([0, 3, 6, 9, 12, 15, 100]).map(once)
            sessions = numbers.assign_timestamps_and_watermarks(stamped()).window(EventTimeSessionWindows.with_gap(5))
            fired = sessions.trigger(PurgingTrigger.of(CountTrigger.of(3)))
            fired.apply(lambda key, window, values: [(window.start, window.end)]).sink_to(sink := ListSink())
            return sink

        restarts = RestartStrategies.fixed_delay_restart(1, 0)
        return results(build, batch=1, checkpoint_every=1, restart_strategy=restarts)

    assert outcome(crash=True) == outcome(crash=False)


class EveryTen(Trigger):
    """Fires and purges at every tenth millisecond, whether anything came or not."""

    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        ctx.register_event_time_timer(timestamp - timestamp % 10 + 10)
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        if time < window.max_timestamp():
            ctx.register_event_time_timer(time + 10)
        return TriggerResult.FIRE_AND_PURGE

    def on_processing_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.CONTINUE

    def clear(self, window: Any, ctx: Any) -> None: ...

    def on_merge(self, window: Any, ctx: Any) -> None: ...


def test_a_trigger_is_asked_at_its_time_also_when_the_window_is_empty() -> None:
    def build(processor: FlinkStreamProcessor) -> ListSink:
        stream = processor.add_source([1, 2, 35, 36, 47, 58, 300]).assign_timestamps_and_watermarks(stamped())
        fired = stream.window(TumblingEventTimeWindows.of(100)).trigger(EveryTen())
        fired.apply(lambda key, window, values: [list(values)]).sink_to(sink := ListSink())
        return sink

    expected = [[1, 2, 35], [36, 47], [58], [300]]  # an element comes before the watermark that it moves
    assert every_way(build) == [expected] * (len(BATCHES) + 2)
