"""Windows: every kind equals brute force, for any order, lateness, batch and parallelism."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.flink import (
    AggregateFunction,
    CountTrigger,
    EventTimeSessionWindows,
    EventTimeTrigger,
    FlinkStreamProcessor,
    GlobalWindows,
    ListSink,
    OutputTag,
    ProcessWindowFunction,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TimeWindow,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
)
from tests.flink import oracle
from tests.flink.jobs import (
    Event,
    batch_sizes,
    bounds,
    by_key,
    events,
    key_of,
    numbered,
    parallelisms,
    run,
    sizes,
    stepped,
    timed,
    untimed,
    value_of,
)

LATE = OutputTag("late")


def contents(key: str, window: TimeWindow, elements: list[Event]) -> list[Any]:
    return [(key, window.start, window.end, tuple(value_of(e) for e in elements))]


class SumInOrder(AggregateFunction):
    """Keeps values in order, as an accumulator that is a tuple."""

    def create_accumulator(self) -> tuple[int, ...]:
        return ()

    def add(self, value: Event, accumulator: tuple[int, ...]) -> tuple[int, ...]:
        return (*accumulator, value[2])

    def get_result(self, accumulator: tuple[int, ...]) -> tuple[int, ...]:
        return accumulator

    def merge(self, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
        return a + b


def with_key(key: str, window: TimeWindow, results: list[Any]) -> list[Any]:
    return [(key, window.start, window.end, results[0])]


def fired_and_late(
    stream: list[Event], bound: int, assigner: Any, lateness: int, *, trigger: Trigger | None = None, **settings: Any
) -> tuple[list[Any], list[Event]]:
    processor = FlinkStreamProcessor(**settings)
    windowed = timed(processor, stream, bound).key_by(key_of).window(assigner).allowed_lateness(lateness)
    windowed = windowed.side_output_late_data(LATE)
    if trigger is not None:
        windowed = windowed.trigger(trigger)
    fired, late = ListSink(), ListSink()
    results = windowed.apply(contents)
    results.sink_to(fired)
    results.get_side_output(LATE).sink_to(late)
    counted = processor.execute().late_records
    assert counted == len(late.values)
    return fired.values, late.values


@untimed
@given(events, bounds, sizes, st.integers(-3, 3), st.integers(0, 60), batch_sizes, parallelisms)
def test_tumbling_windows_equal_brute_force(
    stream: list[Event], bound: int, size: int, offset: int, lateness: int, batch_size: int, parallelism: int
) -> None:
    offset = offset % size
    stream = numbered(stream)
    fired, late = fired_and_late(
        stream,
        bound,
        TumblingEventTimeWindows.of(size, offset),
        lateness,
        batch_size=batch_size,
        parallelism=parallelism,
    )
    expected, expected_late = oracle.windows(stream, bound, oracle.grid(size, size, offset), lateness)
    assert by_key(fired) == by_key(expected)
    assert late == expected_late


@untimed
@given(events, bounds, sizes, sizes, st.integers(0, 60), batch_sizes)
def test_sliding_windows_equal_brute_force(
    stream: list[Event], bound: int, size: int, slide: int, lateness: int, batch_size: int
) -> None:
    stream = numbered(stream)
    fired, late = fired_and_late(
        stream, bound, SlidingEventTimeWindows.of(size, slide), lateness, batch_size=batch_size
    )
    expected, expected_late = oracle.windows(stream, bound, oracle.grid(size, slide), lateness)
    assert Counter(fired) == Counter(expected)
    assert in_order_of_end(by_key(fired)) == in_order_of_end(by_key(expected))
    assert late == expected_late


def in_order_of_end(grouped: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Of each window its firings in order; windows that fire for one element may come in any order."""
    return {
        f"{key} {w}": [f for f in fired if f[2] == w] for key, fired in grouped.items() for w in {f[2] for f in fired}
    }


@untimed
@given(events, bounds, sizes, st.integers(0, 60), batch_sizes)
def test_sessions_equal_brute_force(stream: list[Event], bound: int, gap: int, lateness: int, batch_size: int) -> None:
    stream = numbered(stream)
    fired, late = fired_and_late(stream, bound, EventTimeSessionWindows.with_gap(gap), lateness, batch_size=batch_size)
    expected, expected_late = oracle.sessions(stream, bound, gap, lateness)
    assert by_key(fired) == by_key(expected)
    assert late == expected_late


class OwnTrigger(EventTimeTrigger):
    """The default, written by somebody else: the engine then goes element by element."""


@untimed
@given(events, bounds, sizes, sizes, st.integers(0, 60), batch_sizes)
def test_the_fast_operator_and_the_general_one_agree_to_the_last_order(
    stream: list[Event], bound: int, size: int, slide: int, lateness: int, batch_size: int
) -> None:
    for assigner in (TumblingEventTimeWindows.of(size), SlidingEventTimeWindows.of(size, slide)):
        fast = fired_and_late(stream, bound, assigner, lateness, batch_size=batch_size)
        general = fired_and_late(stream, bound, assigner, lateness, batch_size=batch_size, trigger=OwnTrigger())
        assert by_key(fast[0]) == by_key(general[0])
        assert fast[1] == general[1]


@untimed
@given(events, bounds, sizes, batch_sizes)
def test_reduce_aggregate_apply_and_process_see_the_same_windows(
    stream: list[Event], bound: int, size: int, batch_size: int
) -> None:
    class Contents(ProcessWindowFunction):
        def process(self, key: str, context: Any, elements: Any) -> Any:
            yield (key, context.window().start, context.window().end, tuple(map(value_of, elements)))

    expected = by_key(oracle.windows(stream, bound, oracle.grid(size, size))[0])
    for assigner in (TumblingEventTimeWindows.of(size), SlidingEventTimeWindows.of(size, size)):
        for finish in (
            lambda w: w.apply(contents),
            lambda w: w.process(Contents()),
            lambda w: w.aggregate(SumInOrder(), with_key),
            lambda w: w.reduce(lambda a, b: (a[0], 0, (*_values(a), *_values(b))), with_reduced),
        ):
            got = run(
                lambda p, finish=finish, assigner=assigner: finish(
                    timed(p, stream, bound).key_by(key_of).window(assigner)
                ),
                batch_size=batch_size,
            )
            assert by_key(got) == expected


def _values(event: Any) -> tuple[int, ...]:
    return event[2] if isinstance(event[2], tuple) else (event[2],)


def with_reduced(key: str, window: TimeWindow, results: list[Any]) -> list[Any]:
    return [(key, window.start, window.end, _values(results[0]))]


def test_a_late_click_fires_its_window_again_with_the_updated_result() -> None:
    stream = [("a", 1, 1), ("a", 12, 2), ("a", 3, 3), ("a", 30, 4), ("a", 4, 5)]
    fired, late = fired_and_late(stream, 0, TumblingEventTimeWindows.of(10), 10)
    assert fired == [
        ("a", 0, 10, (1,)),
        ("a", 0, 10, (1, 3)),
        ("a", 10, 20, (2,)),
        ("a", 30, 40, (4,)),
    ]
    assert late == [("a", 4, 5)]


def test_an_element_at_the_last_millisecond_of_the_lateness_is_late() -> None:
    for late_by, is_late in ((0, True), (1, False)):
        stream = [("a", 0, 1), ("a", 20 - late_by, 2), ("a", 5, 3)]  # watermark 19 - late_by; 9 + 10 = 19
        assert (fired_and_late(stream, 0, TumblingEventTimeWindows.of(10), 10)[1] != []) == is_late


def test_sessions_exactly_a_gap_apart_are_one() -> None:
    fired, _ = fired_and_late([("a", 0, 1), ("a", 10, 2), ("a", 21, 3)], 100, EventTimeSessionWindows.with_gap(10), 0)
    assert fired == [("a", 0, 20, (1, 2)), ("a", 21, 31, (3,))]


def test_an_element_between_two_sessions_makes_them_one() -> None:
    fired, _ = fired_and_late([("a", 0, 1), ("a", 16, 2), ("a", 8, 3)], 100, EventTimeSessionWindows.with_gap(10), 0)
    assert fired == [("a", 0, 26, (1, 2, 3))]


def test_a_late_element_that_an_open_session_takes_in_is_not_late() -> None:
    stream = [("a", 0, 1), ("a", 9, 2), ("b", 18, 3), ("a", 1, 4)]  # watermark 17; the session ends at 19
    fired, late = fired_and_late(stream, 0, EventTimeSessionWindows.with_gap(10), 0)
    assert fired[0] == ("a", 0, 19, (1, 2, 4))
    assert late == []


def test_merging_within_the_lateness_fires_what_became_of_it() -> None:
    stream = [("a", 0, 1), ("b", 12, 2), ("a", 8, 3), ("b", 40, 4)]  # a's session [0, 10) has fired at 11
    fired, _ = fired_and_late(stream, 0, EventTimeSessionWindows.with_gap(10), 5)
    assert by_key(fired)["a"] == [("a", 0, 10, (1,)), ("a", 0, 18, (1, 3))]


def test_a_count_trigger_fires_with_all_there_is_and_a_purging_one_empties_the_window() -> None:
    stream = [("a", i, i) for i in range(5)]
    fired, _ = fired_and_late(stream, 0, GlobalWindows.create(), 0, trigger=CountTrigger.of(2))
    assert [f[3] for f in fired] == [(0, 1), (0, 1, 2, 3)]
    fired, _ = fired_and_late(stream, 0, GlobalWindows(), 0, trigger=PurgingTrigger.of(CountTrigger(2)))
    assert [f[3] for f in fired] == [(0, 1), (2, 3)]


@untimed
@given(events, st.integers(1, 5), batch_sizes)
def test_global_windows_by_count_equal_brute_force(stream: list[Event], n: int, batch_size: int) -> None:
    fired, _ = fired_and_late(
        stream, 0, GlobalWindows(), 0, trigger=PurgingTrigger(CountTrigger(n)), batch_size=batch_size
    )
    expected = {
        key: [tuple(map(value_of, mine[i : i + n])) for i in range(0, len(mine) - n + 1, n)]
        for key, mine in by_key(stream).items()
    }
    assert {key: [f[3] for f in mine] for key, mine in by_key(fired).items()} == {
        k: v for k, v in expected.items() if v
    }


def test_global_windows_without_a_trigger_never_fire() -> None:
    assert fired_and_late([("a", 1, 1)], 0, GlobalWindows(), 0)[0] == []


def test_a_count_trigger_replaces_the_end_of_a_window() -> None:
    stream = [("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("a", 50, 4)]
    fired, _ = fired_and_late(stream, 0, TumblingEventTimeWindows.of(10), 0, trigger=CountTrigger(2))
    assert [f[3] for f in fired] == [(1, 2)]


def test_counts_of_sessions_that_merge_are_added() -> None:
    stream = [("a", 0, 1), ("a", 16, 2), ("a", 8, 3), ("a", 9, 4)]
    fired, _ = fired_and_late(stream, 100, EventTimeSessionWindows.with_gap(10), 0, trigger=CountTrigger(4))
    assert fired == [("a", 0, 26, (1, 2, 3, 4))]


def test_a_trigger_of_ones_own_fires_early() -> None:
    class EveryElement(EventTimeTrigger):
        def on_element(self, element: Any, timestamp: int, window: TimeWindow, ctx: Any) -> TriggerResult:
            super().on_element(element, timestamp, window, ctx)
            return TriggerResult.FIRE

    fired, _ = fired_and_late(
        [("a", 1, 1), ("a", 2, 2)], 100, TumblingEventTimeWindows.of(10), 0, trigger=EveryElement()
    )
    assert [f[3] for f in fired] == [(1,), (1, 2), (1, 2)]


@untimed
@given(events, bounds, sizes)
def test_a_window_on_an_unkeyed_stream_holds_all_elements_under_one_key(
    stream: list[Event], bound: int, size: int
) -> None:
    got = run(lambda p: timed(p, stream, bound).window(TumblingEventTimeWindows.of(size)).apply(contents))
    as_one = [("", time, value) for _, time, value in stream]
    assert [g[1:] for g in got] == [f[1:] for f in oracle.windows(as_one, bound, oracle.grid(size, size))[0]]
    assert all(g[0] is None for g in got)


@untimed
@given(events, bounds, sizes)
def test_windows_behind_windows_get_the_window_end_as_their_time(stream: list[Event], bound: int, size: int) -> None:
    def counts_of_counts(p: FlinkStreamProcessor) -> Any:
        first = timed(p, stream, bound).key_by(key_of).window(TumblingEventTimeWindows.of(size)).apply(contents)
        return (
            first.key_by(lambda f: 0)
            .window(TumblingEventTimeWindows.of(3 * size))
            .apply(lambda key, window, fired: [(window.start, sorted(fired))])
        )

    expected: dict[int, list[Any]] = {}
    for fired in oracle.windows(stream, bound, oracle.grid(size, size))[0]:
        expected.setdefault((fired[2] - 1) // (3 * size) * 3 * size, []).append(fired)
    got = run(counts_of_counts)
    assert dict(got) == {start: sorted(fired) for start, fired in expected.items()}
    assert stepped(counts_of_counts) == got == run(counts_of_counts, batch_size=3)


@settings(max_examples=50, deadline=None)
@given(events, bounds, sizes, sizes)
def test_a_job_gives_the_same_in_the_same_order_however_it_is_run(
    stream: list[Event], bound: int, size: int, slide: int
) -> None:
    def job(p: FlinkStreamProcessor) -> Any:
        tumbling = timed(p, stream, bound).key_by(key_of).window(TumblingEventTimeWindows.of(size)).apply(contents)
        sessions = timed(p, stream, 0).key_by(key_of).window(EventTimeSessionWindows.with_gap(slide)).apply(contents)
        return (
            tumbling.union(sessions)
            .key_by(key_of)
            .window(SlidingEventTimeWindows.of(size, slide))
            .apply(lambda key, window, fired: [(key, window.start, tuple(fired))])
        )

    expected = run(job)
    assert stepped(job) == expected
    for settings_ in (
        {"parallelism": 1},
        {"parallelism": 8, "batch_size": 1},
        {"batch_size": 5, "checkpoint_every": 3},
        {"checkpoint_interval": None},
    ):
        assert run(job, **settings_) == expected
