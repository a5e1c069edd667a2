"""Keyed state, time to live, timers, process functions, connected streams, joins, rolling aggregates."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import JobError
from recsys_lab.flink import (
    AggregateFunction,
    AggregatingStateDescriptor,
    CoMapFunction,
    FlinkStreamProcessor,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ListSink,
    ListStateDescriptor,
    MapFunction,
    MapStateDescriptor,
    OutputTag,
    ProcessFunction,
    ReducingStateDescriptor,
    StateTtlConfig,
    ValueStateDescriptor,
    epoch_ms,
)
from recsys_lab.flink.state import ListState
from recsys_lab.flink.tables import Table
from tests.flink import oracle
from tests.flink.jobs import (
    Event,
    batch_sizes,
    bounds,
    events,
    key_of,
    numbered,
    run,
    stepped,
    timed,
    untimed,
    value_of,
)

EVEN = OutputTag("even")


class Mean(AggregateFunction):
    def create_accumulator(self) -> tuple[int, int]:
        return (0, 0)

    def add(self, value: Event, accumulator: tuple[int, int]) -> tuple[int, int]:
        return (accumulator[0] + 1, accumulator[1] + value[2])

    def get_result(self, accumulator: tuple[int, int]) -> float:
        return accumulator[1] / accumulator[0]

    def merge(self, a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return (a[0] + b[0], a[1] + b[1])


class Everything(KeyedProcessFunction):
    """Every kind of state at once."""

    def open(self, runtime_context: Any) -> None:
        self.last = runtime_context.get_state(ValueStateDescriptor("last", int))
        self.all = runtime_context.get_list_state(ListStateDescriptor("all"))
        self.counts = runtime_context.get_map_state(MapStateDescriptor("counts"))
        self.sum = runtime_context.get_reducing_state(ReducingStateDescriptor("sum", lambda a, b: a + b))
        self.mean = runtime_context.get_aggregating_state(AggregatingStateDescriptor("mean", Mean()))

    def process_element(self, value: Event, ctx: Any) -> Any:
        before = self.last.value()
        self.last.update(value[2])
        self.all.add(value[2])
        self.counts.put(value[2], (self.counts.get(value[2]) or 0) + 1)
        self.sum.add(value[2])
        self.mean.add(value)
        yield (
            value[0],
            before,
            tuple(self.all),
            tuple(sorted(self.counts.items())),
            self.sum.get(),
            self.mean.get(),
            value[2] in self.counts,
            ctx.timestamp(),
        )


@untimed
@given(events, batch_sizes)
def test_every_kind_of_state_belongs_to_its_key(stream: list[Event], batch_size: int) -> None:
    got = run(lambda p: timed(p, stream).key_by(key_of).process(Everything()), batch_size=batch_size)
    expected = []
    seen: dict[str, list[int]] = {}
    for key, time, value in stream:
        mine = seen.setdefault(key, [])
        before = mine[-1] if mine else None
        mine.append(value)
        counts = tuple(sorted(Counter(mine).items()))
        expected.append((key, before, tuple(mine), counts, sum(mine), sum(mine) / len(mine), True, time))
    assert got == expected


@untimed
@given(events, batch_sizes)
def test_rolling_reduce_and_aggregate_give_a_result_for_each_element(stream: list[Event], batch_size: int) -> None:
    totals: Counter[str] = Counter()
    expected = []
    for key, _, value in stream:
        totals[key] += value
        expected.append(totals[key])
    keyed = lambda p: timed(p, stream).key_by(key_of)  # noqa: E731
    summed = run(lambda p: keyed(p).reduce(lambda a, b: (a[0], 0, a[2] + b[2])), batch_size=batch_size)
    assert [value_of(e) for e in summed] == expected
    means = run(lambda p: keyed(p).aggregate(Mean()), batch_size=batch_size)
    assert len(means) == len(stream)


class Alarms(KeyedProcessFunction):
    """A timer 5 ms after each element; multiples of 3 delete the one before."""

    def process_element(self, value: Event, ctx: Any) -> Any:
        ctx.timer_service().register_event_time_timer(value[1] + 5)
        if value[2] % 3 == 0:
            ctx.timer_service().delete_event_time_timer(value[1] + 4)
        yield ("element", value[0], value[1], ctx.timer_service().current_watermark())

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        yield ("timer", ctx.get_current_key(), timestamp, ctx.timer_service().current_watermark())


@untimed
@given(events, bounds, batch_sizes)
def test_timers_fire_in_order_once_and_see_the_watermark_that_fires_them(
    stream: list[Event], bound: int, batch_size: int
) -> None:
    stream = numbered(stream)
    got = run(lambda p: timed(p, stream, bound).key_by(key_of).process(Alarms()), batch_size=batch_size)
    expected: list[Any] = []
    pending: dict[tuple[int, str], None] = {}
    watermark = -(2**63)

    def advance(to: int) -> None:
        nonlocal watermark
        if to > watermark:
            watermark = to
            order = {timer: i for i, timer in enumerate(pending)}
            for timer in sorted((t for t in pending if t[0] <= to), key=lambda t: (t[0], order[t])):
                del pending[timer]
                expected.append(("timer", timer[1], timer[0], to))

    for key, time, value in stream:
        expected.append(("element", key, time, watermark))
        pending.setdefault((time + 5, key))
        if value % 3 == 0:
            pending.pop((time + 4, key), None)
        advance(time - bound - 1)
    advance(2**63 - 1)
    assert got == expected
    assert stepped(lambda p: timed(p, stream, bound).key_by(key_of).process(Alarms())) == expected


def test_the_watermark_moves_for_records_that_a_filter_drops_too() -> None:
    stream = [("a", time, time) for time in (1, 9, 20, 21, 40)]
    job = lambda p: timed(p, stream).filter(lambda e: e[2] in (1, 21)).key_by(key_of).process(Alarms())  # noqa: E731
    assert run(job) == stepped(job) == run(job, batch_size=1)
    assert ("timer", "a", 6, 8) in run(job)


def test_processing_time_timers_fire_when_the_jobs_clock_comes_to_them() -> None:
    clock = SimulatedClock()
    noon = epoch_ms(clock.now())

    class Reminder(KeyedProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Any:
            ctx.timer_service().register_processing_time_timer(ctx.timer_service().current_processing_time() + 1_000)
            yield ("seen", value)

        def on_timer(self, timestamp: int, ctx: Any) -> Any:
            yield (ctx.time_domain(), ctx.get_current_key(), timestamp - noon)

    def slow() -> Any:
        for number in range(3):
            yield number
            clock.advance(timedelta(seconds=0.7))

    processor = FlinkStreamProcessor(clock=clock)
    got = processor.add_source(slow).key_by(lambda n: n % 2).process(Reminder()).execute_and_collect()
    assert got == [("seen", 0), ("seen", 1), ("processing", 0, 1_000), ("seen", 2)]


def test_state_with_a_time_to_live_is_forgotten_and_freed() -> None:
    clock = SimulatedClock()
    descriptor = ValueStateDescriptor("seen", int)
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(timedelta(seconds=10)).build())
    by_item = MapStateDescriptor("by item")
    by_item.enable_time_to_live(StateTtlConfig.new_builder(timedelta(seconds=10)).build())

    class Count(KeyedProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.seen = runtime_context.get_state(descriptor)
            self.items = runtime_context.get_map_state(by_item)

        def process_element(self, value: Any, ctx: Any) -> Any:
            self.seen.update((self.seen.value() or 0) + 1)
            self.items.put(value[1], True)
            yield (value[0], self.seen.value(), sorted(self.items.keys()))

    def visits() -> Any:
        for wait, visit in ((0, ("ann", 1)), (5, ("ann", 2)), (9, ("ann", 3)), (10, ("ann", 4)), (60, ("bob", 5))):
            clock.advance(timedelta(seconds=wait))
            yield visit

    processor = FlinkStreamProcessor(clock=clock)
    sink = ListSink()
    processor.add_source(visits).key_by(lambda v: v[0]).process(Count()).sink_to(sink)
    with processor.step_through() as stepper:
        steps = list(stepper)
    assert sink.values == [
        ("ann", 1, [1]),
        ("ann", 2, [1, 2]),
        ("ann", 3, [2, 3]),
        ("ann", 1, [4]),
        ("bob", 1, [5]),
    ]
    assert {entry["key"] for entry in steps[4].state} == {"bob"}


@pytest.mark.parametrize(
    ("on_read", "expected"),
    [(False, [[0], [0, 6], [6, 12], [12, 18]]), (True, [[0], [0, 6], [0, 6, 12], [0, 6, 12, 18]])],
)
def test_elements_of_a_list_expire_each_by_itself(on_read: bool, expected: list[list[int]]) -> None:
    clock = SimulatedClock()
    ttl = StateTtlConfig.new_builder(timedelta(seconds=10))
    descriptor = ListStateDescriptor("seen", int)
    descriptor.enable_time_to_live(ttl.update_ttl_on_read_and_write() if on_read else ttl)

    class Gather(KeyedProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.seen = runtime_context.get_list_state(descriptor)

        def process_element(self, value: Any, ctx: Any) -> Any:
            self.seen.add(value[1])
            yield self.seen.get()

    def visits() -> Any:
        for second in (0, 6, 12, 18):
            yield ("ann", second)
            clock.advance(timedelta(seconds=6))

    processor = FlinkStreamProcessor(clock=clock)
    got = processor.add_source(visits).key_by(lambda v: v[0]).process(Gather()).execute_and_collect()
    assert got == expected


def test_what_expired_of_a_list_is_freed_though_nobody_asks_for_it() -> None:
    owner = SimpleNamespace(key="ann", now=0)
    descriptor = ListStateDescriptor("seen", int)
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(10))
    table = Table(ordered=False)
    state = ListState(owner, table, descriptor)
    state.add_all([1, 2])
    owner.now = 6
    state.add(3)

    owner.key, owner.now = "bob", 10
    state.expire()
    assert table.data == {"seen": {"ann": [(6, 3)]}}
    owner.now = 16
    state.expire()
    assert table.data == {}

    table.put("seen", "bob", (10, [4, 5]))  # as an older checkpoint holds it
    assert state.get() == [4, 5]
    state.add(6)
    state.expire()
    assert table.data == {"seen": {"bob": [(10, 4), (10, 5), (16, 6)]}}
    state.update([])
    assert table.data == {}


def test_reading_renews_the_time_to_live_if_told_so() -> None:
    clock = SimulatedClock()
    descriptor = ValueStateDescriptor("seen", int)
    descriptor.enable_time_to_live(StateTtlConfig.new_builder(timedelta(seconds=10)).update_ttl_on_read_and_write())

    class Look(KeyedProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.seen = runtime_context.get_state(descriptor)

        def process_element(self, value: Any, ctx: Any) -> Any:
            before = self.seen.value()
            if before is None:
                self.seen.update(value)
            yield before

    def visits() -> Any:
        for number in range(4):
            yield number
            clock.advance(timedelta(seconds=6))

    processor = FlinkStreamProcessor(clock=clock)
    got = processor.add_source(visits).key_by(lambda n: "a").process(Look()).execute_and_collect()
    assert got == [None, 0, 0, 0]


def test_side_outputs_come_from_any_process_function() -> None:
    class Split(ProcessFunction):
        def process_element(self, value: int, ctx: Any) -> Any:
            yield (EVEN, value) if value % 2 == 0 else value

    processor = FlinkStreamProcessor()
    odd, even = ListSink(), ListSink()
    split = processor.add_source(range(5)).process(Split())
    split.sink_to(odd)
    split.get_side_output(EVEN).map(str).sink_to(even)
    processor.execute()
    assert (odd.values, even.values) == ([1, 3], ["0", "2", "4"])


def test_connected_streams_share_state_by_key() -> None:
    class Enrich(KeyedCoProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.price = runtime_context.get_state(ValueStateDescriptor("price", int))

        def process_element1(self, value: Any, ctx: Any) -> Any:
            yield (*value, self.price.value())

        def process_element2(self, value: Any, ctx: Any) -> Any:
            self.price.update(value[1])

    processor = FlinkStreamProcessor()
    orders = processor.add_source([("tea", "ann"), ("tea", "bob"), ("oil", "cat")])
    prices = processor.add_source([("tea", 3), ("oil", 9)])
    got = orders.connect(prices).key_by(lambda o: o[0], lambda p: p[0]).process(Enrich()).execute_and_collect()
    assert got == [("tea", "ann", None), ("tea", "bob", 3), ("oil", "cat", 9)]


def test_a_co_map_has_a_method_for_each_stream() -> None:
    class Words(CoMapFunction):
        def map1(self, value: Any) -> str:
            return f"one {value}"

        def map2(self, value: Any) -> str:
            return f"two {value}"

    processor = FlinkStreamProcessor()
    first, second = processor.add_source([1, 2]), processor.add_source([3])
    assert first.connect(second).map(Words()).execute_and_collect() == ["one 1", "two 3", "one 2"]


def test_a_map_with_state_on_a_keyed_stream_uses_the_state_of_the_key() -> None:
    class Number(MapFunction):
        def open(self, runtime_context: Any) -> None:
            self.count = runtime_context.get_state(ValueStateDescriptor("count", int))

        def map(self, value: str) -> Any:
            self.count.update((self.count.value() or 0) + 1)
            return (value, self.count.value())

    processor = FlinkStreamProcessor()
    got = processor.add_source(list("abab")).key_by(lambda v: v).map(Number()).execute_and_collect()
    assert got == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


@settings(max_examples=60, deadline=None)
@given(events, events, bounds, st.integers(-20, 20), st.integers(0, 20), batch_sizes)
@example([("a", 78, 0), ("a", 77, 0)], [("a", 78, 0), ("a", 77, 0)], 0, 0, 0, 1)  # both at the watermark, not below it
def test_interval_joins_equal_brute_force(
    left: list[Event], right: list[Event], bound: int, lower: int, width: int, batch_size: int
) -> None:
    left, right = numbered(left), numbered(right)

    def join(p: FlinkStreamProcessor) -> Any:
        keyed = [timed(p, stream, bound).key_by(key_of) for stream in (left, right)]
        pairs = keyed[0].interval_join(keyed[1]).between(lower, lower + width)
        return pairs.process(lambda a, b, ctx: [(a[0], a[2], b[2], ctx.timestamp())])

    expected = Counter(oracle.interval_join(left, right, bound, lower, lower + width))
    got = run(join, batch_size=batch_size)
    assert Counter(got) == expected
    assert stepped(join) == got


def test_exclusive_bounds_leave_out_the_edge() -> None:
    def job(p: FlinkStreamProcessor) -> Any:
        left = timed(p, [("a", 10, 0)]).key_by(key_of)
        right = timed(p, [("a", 5, 1), ("a", 6, 2), ("a", 14, 3), ("a", 15, 4)], 20).key_by(key_of)
        both = left.interval_join(right).between(-5, 5).lower_bound_exclusive().upper_bound_exclusive()
        return both.process(lambda a, b, ctx: [b[2]])

    assert run(job) == [2, 3]


def test_state_of_a_type_that_cannot_be_saved_is_refused_when_it_is_declared() -> None:
    for make in (
        lambda: ValueStateDescriptor("x", object),
        lambda: MapStateDescriptor("x", str, SimulatedClock),
        lambda: ListStateDescriptor("", int),
    ):
        with pytest.raises(JobError):
            make()


def test_an_accumulator_that_cannot_be_saved_is_refused_when_the_job_is_built() -> None:
    class Opaque(Mean):
        def create_accumulator(self) -> Any:
            return object()

    with pytest.raises(JobError, match="accumulator of Opaque"):
        FlinkStreamProcessor().add_source([1]).key_by(lambda v: v).aggregate(Opaque())


def test_timers_need_a_key() -> None:
    class Timer(ProcessFunction):
        def process_element(self, value: Any, ctx: Any) -> Any:
            ctx.timer_service().register_event_time_timer(5)

    with pytest.raises(JobError, match="no key"):
        FlinkStreamProcessor().add_source([1]).process(Timer()).execute_and_collect()


@pytest.mark.parametrize("of_two", [False, True])
def test_state_needs_a_key(of_two: bool) -> None:
    class Remembers(KeyedCoProcessFunction):
        def open(self, runtime_context: Any) -> None:
            self.seen = runtime_context.get_map_state(MapStateDescriptor("seen"))

        def process_element(self, value: Any, ctx: Any) -> Any:
            self.seen.put(value, True)

        process_element1 = process_element2 = process_element

    stream = FlinkStreamProcessor().add_source([1])
    behind = stream.key_by(lambda v: v).connect(stream).process(Remembers()) if of_two else stream.process(Remembers())
    with pytest.raises(JobError, match=r"'(co_)?process-.*no key"):
        behind.execute_and_collect()


def test_a_map_with_state_needs_a_key_too() -> None:
    class Remembers(MapFunction):
        def open(self, runtime_context: Any) -> None:
            self.seen = runtime_context.get_state(ValueStateDescriptor("seen"))

        def map(self, value: Any) -> Any:
            return value

    with pytest.raises(JobError, match=r"'map-1'.*no key"):
        FlinkStreamProcessor().add_source([1]).map(Remembers()).execute_and_collect()
