"""Functions are opened before their first element and closed after the last, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.flink import (
    AggregateFunction,
    DataStream,
    EventTimeSessionWindows,
    FlinkStreamProcessor,
    KeyedStream,
    ListSink,
    ListStateDescriptor,
    ProcessJoinFunction,
    ProcessWindowFunction,
    ReduceFunction,
    RestartStrategies,
    SlidingEventTimeWindows,
    StateTtlConfig,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WindowAssigner,
    WindowFunction,
)
from tests.flink.jobs import Event, key_of, run, stepped, timed

ASSIGNERS = [TumblingEventTimeWindows.of(10), SlidingEventTimeWindows.of(10, 5), EventTimeSessionWindows.with_gap(6)]
STREAM = [(key, 4 * i, i) for i in range(12) for key in ("ab" if i % 2 else "b")]


class Watched:
    """calls: what was called, in order; each method of use once."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def open(self, runtime_context: Any) -> None:
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")

    def used(self) -> None:
        if self.calls[-1] != "use":
            self.calls.append("use")


class Summing(Watched, AggregateFunction):
    def create_accumulator(self) -> int:
        return 0

    def add(self, value: Event, accumulator: int) -> int:
        self.used()
        return accumulator + value[2]

    def get_result(self, accumulator: int) -> int:
        return accumulator

    def merge(self, a: int, b: int) -> int:
        return a + b


class Latest(Watched, ReduceFunction):
    def reduce(self, value1: Event, value2: Event) -> Event:
        self.used()
        return value2


class Process(Watched, ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        self.used()
        yield len(list(elements))


class Apply(Watched, WindowFunction):
    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> list[Any]:
        self.used()
        return [len(list(inputs))]


class Pairs(Watched, ProcessJoinFunction):
    def process_element(self, left: Any, right: Any, ctx: Any) -> Iterator[Any]:
        self.used()
        yield left, right


Uses = list[tuple[list[Watched], Callable[[KeyedStream], DataStream]]]


def uses(assigner: WindowAssigner) -> Uses:
    """Functions, and a stream that uses them."""
    a, b, c, d, e, f, g = Summing(), Process(), Latest(), Apply(), Summing(), Latest(), Pairs()
    return [
        ([a, b], lambda keyed: keyed.window(assigner).aggregate(a, b)),
        ([c, d], lambda keyed: keyed.window(assigner).reduce(c, d)),
        ([b], lambda keyed: keyed.window(assigner).process(b)),
        ([d], lambda keyed: keyed.window(assigner).apply(d)),
        ([e], lambda keyed: keyed.aggregate(e)),
        ([f], lambda keyed: keyed.reduce(f)),
        ([g], lambda keyed: keyed.interval_join(keyed).between(0, 4).process(g)),
    ]


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: type(assigner).__name__)
@pytest.mark.parametrize("use", range(7))
def test_every_function_is_opened_used_and_closed(assigner: WindowAssigner, use: int) -> None:
    functions, build = uses(assigner)[use]

    run(lambda p: build(timed(p, STREAM, 8).key_by(key_of)))

    assert [function.calls for function in functions] == [["open", "use", "close"]] * len(functions)


class Numbered(ProcessWindowFunction):
    """Each window of a key with its number, which is state of the key."""

    def open(self, runtime_context: Any) -> None:
        self.windows = runtime_context.get_state(ValueStateDescriptor("windows", int))

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        self.windows.update((self.windows.value() or 0) + 1)
        yield key, context.window().start, self.windows.value()


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: type(assigner).__name__)
def test_state_of_a_window_function_belongs_to_the_key_that_fires(assigner: WindowAssigner) -> None:
    def job(p: FlinkStreamProcessor) -> Any:
        return timed(p, STREAM, 8).key_by(key_of).window(assigner).process(Numbered())

    got = run(job)

    for key in "ab":
        mine = [(start, number) for at, start, number in got if at == key]
        assert [number for _, number in sorted(mine)] == list(range(1, len(mine) + 1))
    assert stepped(job) == run(job, batch_size=1, checkpoint_every=2) == got


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: type(assigner).__name__)
@pytest.mark.parametrize("stop", [5, 11, 16])
def test_state_of_a_window_function_is_saved_and_restored(tmp_path: Path, assigner: WindowAssigner, stop: int) -> None:
    def job(processor: FlinkStreamProcessor) -> ListSink:
        windows = timed(processor, STREAM, 8).key_by(key_of).window(assigner)
        windows.process(Numbered()).sink_to(sink := ListSink())
        return sink

    before = job(first := FlinkStreamProcessor(restart_strategy=RestartStrategies.no_restart()))
    with first.step_through() as stepper:
        for _ in range(stop):
            stepper.step()
        stepper.savepoint(tmp_path / "stop.savepoint")
    after = job(second := FlinkStreamProcessor())
    second.execute(restore_from=tmp_path / "stop.savepoint")

    whole = job(third := FlinkStreamProcessor())
    third.execute()
    assert before.values + after.values == whole.values


def test_state_of_a_window_function_that_expired_is_freed() -> None:
    clock = SimulatedClock()
    descriptor = ListStateDescriptor("starts", int)
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(timedelta(seconds=10)))

    class Starts(ProcessWindowFunction):
        def open(self, runtime_context: Any) -> None:
            self.starts = runtime_context.get_list_state(descriptor)

        def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
            self.starts.add(context.window().start)
            yield key, self.starts.get()

    def slow() -> Iterator[Event]:
        for time in (0, 10, 20, 30):
            yield ("a", time, 0)
            clock.advance(timedelta(seconds=6))

    processor = FlinkStreamProcessor(clock=clock)
    windows = timed(processor, slow).key_by(key_of).window(TumblingEventTimeWindows.of(10))

    assert windows.process(Starts()).execute_and_collect() == [
        ("a", [0]),
        ("a", [0, 10]),
        ("a", [10, 20]),
        ("a", [10, 20, 30]),  # the end comes with the last record
    ]
