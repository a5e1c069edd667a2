"""One small dataflow for everything that both runtimes can do; each gives the streams whose records are compared.

All of them are built into one job, so that a run on Apache Flink costs its start only once. `events` come up to 20 s
out of order. In `keyed` the bound is 5 s, so that many are late; in `calm` nothing is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from recsys_lab.flink import (
    AggregateFunction,
    AggregatingStateDescriptor,
    CoFlatMapFunction,
    CoMapFunction,
    CountTrigger,
    DataStream,
    EventTimeSessionWindows,
    FileSource,
    FlinkStreamProcessor,
    GlobalWindows,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ListStateDescriptor,
    MapFunction,
    MapStateDescriptor,
    OutputTag,
    ProcessFunction,
    ProcessWindowFunction,
    PurgingTrigger,
    ReducingStateDescriptor,
    SlidingEventTimeWindows,
    StateTtlConfig,
    StreamSource,
    Trigger,
    TriggerResult,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WindowAssigner,
)
from recsys_lab.flink.cep import CEP, AfterMatchSkipStrategy, Pattern
from recsys_lab.streams import EventStream
from tests.builders import a_click

Event = tuple[str, int, int]
"""(user, epoch ms, number)."""


def events(count: int = 60, seed: int = 1) -> list[Event]:
    """About a second apart, up to 20 s out of order, of five users."""
    random = Random(seed)
    return [(f"u{random.randrange(5)}", i * 1000 - random.randrange(20) * 1000, i) for i in range(count)]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def user(event: Event) -> str:
    return event[0]


class CountAndSum(AggregateFunction):
    def create_accumulator(self) -> list[int]:
        return [0, 0]

    def add(self, value: Event, accumulator: list[int]) -> list[int]:
        return [accumulator[0] + 1, accumulator[1] + value[2]]

    def get_result(self, accumulator: list[int]) -> tuple[int, ...]:
        return tuple(accumulator)

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return [a[0] + b[0], a[1] + b[1]]


def framed(key: Any, window: Any, results: Iterable[Any]) -> list[Any]:
    return [(key, window.start, window.end, result) for result in results]


def elements(key: Any, window: Any, inputs: Iterable[Event]) -> list[Any]:
    return [(key, window.start, window.end, tuple(sorted(event[2] for event in inputs)))]


def later(a: Event, b: Event) -> Event:
    return (a[0], max(a[1], b[1]), a[2] + b[2])


class InContext(ProcessWindowFunction):
    def process(self, key: Any, context: Any, elements: Iterable[Event]) -> Iterator[Any]:
        window = context.window()
        yield key, window.start, window.max_timestamp(), context.current_watermark() >= window.max_timestamp()
        if len(list(elements)) > 2:
            yield OutputTag("busy"), (key, window.start)


class Numbered(ProcessWindowFunction):
    """Each window of a key with its number, which is state of the key."""

    def open(self, runtime_context: Any) -> None:
        self.windows = runtime_context.get_state(ValueStateDescriptor("windows", int))

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        self.windows.update((self.windows.value() or 0) + 1)
        yield key, context.window().start, self.windows.value(), tuple(sorted(elements))


class OpenedSum(CountAndSum):
    """It needs what `open` sets."""

    def open(self, runtime_context: Any) -> None:
        self.factor = 10

    def add(self, value: Event, accumulator: list[int]) -> list[int]:
        return super().add((value[0], value[1], value[2] * self.factor), accumulator)


class EveryThirdAndAtTheEnd(Trigger):
    def on_element(self, element: Any, timestamp: int, window: Any, ctx: Any) -> TriggerResult:
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())
        ctx.set_count(ctx.get_count() + 1)
        return TriggerResult.FIRE if ctx.get_count() % 3 == 0 else TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: Any, ctx: Any) -> TriggerResult:
        return TriggerResult.FIRE_AND_PURGE if time == window.max_timestamp() else TriggerResult.CONTINUE

    def on_merge(self, window: Any, ctx: Any) -> None:
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window: Any, ctx: Any) -> None:
        ctx.delete_event_time_timer(window.max_timestamp())


class AllKindsOfState(KeyedProcessFunction):
    """Tells of all its states with every element."""

    def open(self, runtime_context: Any) -> None:
        value = ValueStateDescriptor("value")
        value.enable_time_to_live(StateTtlConfig.new_builder(timedelta(hours=1)).build())
        self.value = runtime_context.get_state(value)
        self.list = runtime_context.get_list_state(ListStateDescriptor("list"))
        self.map = runtime_context.get_map_state(MapStateDescriptor("map"))
        self.reduced = runtime_context.get_reducing_state(ReducingStateDescriptor("reduced", max))
        self.aggregated = runtime_context.get_aggregating_state(AggregatingStateDescriptor("all", CountAndSum()))

    def process_element(self, value: Event, ctx: Any) -> Iterator[Any]:
        number = value[2]
        self.value.update((self.value.value() or 0) + number)
        self.list.add(number)
        if len(self.list.get()) > 4:
            self.list.update(self.list.get()[-2:])
        self.map.put(number % 3, (self.map.get(number % 3) or 0) + 1)
        if number % 7 == 0 and 1 in self.map:
            self.map.remove(1)
        self.reduced.add(number % 50)
        self.aggregated.add(value)
        if number % 11 == 0:
            self.value.clear()
        yield (
            ctx.get_current_key(),
            ctx.timestamp() == value[1],
            self.value.value(),
            tuple(self.list.get()),
            tuple(sorted(self.map.items())),
            self.map.is_empty(),
            self.reduced.get(),
            self.aggregated.get(),
        )


class Quiet(KeyedProcessFunction):
    """Says when a user has been quiet for 4 s: an event-time timer that each element moves on."""

    def open(self, runtime_context: Any) -> None:
        self.due = runtime_context.get_state(ValueStateDescriptor("due"))

    def process_element(self, value: Event, ctx: Any) -> Iterator[Any]:
        due = self.due.value()
        at = value[1] + 4000
        if due is not None and at > due:
            ctx.timer_service().delete_event_time_timer(due)
        if due is None or at > due:
            ctx.timer_service().register_event_time_timer(at)
            self.due.update(at)
        yield OutputTag("seen"), (value[2], ctx.timer_service().current_watermark())

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        self.due.clear()
        yield ctx.get_current_key(), timestamp, ctx.timestamp(), ctx.time_domain()


class CountsOfKey(MapFunction):
    """A map with state."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count"))

    def map(self, value: Event) -> tuple[str, int]:
        self.count.update((self.count.value() or 0) + 1)
        return value[0], self.count.value()


class Sorted(ProcessFunction):
    def process_element(self, value: Event, ctx: Any) -> Iterator[Any]:
        if value[2] % 2:
            yield OutputTag("odd"), value
            yield OutputTag("nobody reads this"), value
        else:
            yield ctx.timestamp(), value


class Ends(CoMapFunction):
    def map1(self, value: Event) -> tuple[str, Event]:
        return "even", value

    def map2(self, value: Event) -> tuple[str, Event]:
        return "odd", value


class Several(CoFlatMapFunction):
    def flat_map1(self, value: Event) -> list[Any]:
        return [value, value]

    def flat_map2(self, value: Event) -> list[Any]:
        return [-value[2]] if value[2] % 3 == 0 else []


class SharedState(KeyedCoProcessFunction):
    """Both streams add to one state of the user, and a timer tells of it when all is over."""

    def open(self, runtime_context: Any) -> None:
        self.sums = runtime_context.get_map_state(MapStateDescriptor("sums"))

    def process_element1(self, value: Event, ctx: Any) -> None:
        self.sums.put("even", (self.sums.get("even") or 0) + value[2])
        ctx.timer_service().register_event_time_timer(1_000_000)

    def process_element2(self, value: Event, ctx: Any) -> None:
        self.sums.put("odd", (self.sums.get("odd") or 0) + value[2])
        ctx.timer_service().register_event_time_timer(1_000_000)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        yield ctx.get_current_key(), tuple(sorted(self.sums.items()))


class Echoes(KeyedProcessFunction):
    """Each element is heard three times more, by timers that set timers, also when the stream is over by then."""

    def process_element(self, value: Event, ctx: Any) -> None:
        ctx.timer_service().register_event_time_timer(value[1] // 10 * 10 + 20_003)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        yield ctx.get_current_key(), timestamp
        if timestamp % 10 > 1:
            ctx.timer_service().register_event_time_timer(timestamp + 19_999)


class EchoesOfTwo(KeyedCoProcessFunction):
    """The same with two inputs."""

    process_element1 = process_element2 = Echoes.process_element
    on_timer = Echoes.on_timer


Streams = dict[str, DataStream]
Pipeline = Callable[[DataStream, DataStream], Streams]
"""From the stream on which many are late and the one on which none is."""

PIPELINES: dict[str, Pipeline] = {}


def pipeline(build: Pipeline) -> Pipeline:
    PIPELINES[build.__name__] = build
    return build


def _windows(assigner: WindowAssigner, lateness: float) -> Pipeline:
    def build(stream: DataStream, _: DataStream) -> Streams:
        late = OutputTag("late")
        windowed = stream.key_by(user).window(assigner).allowed_lateness(seconds(lateness)).side_output_late_data(late)
        made = windowed.aggregate(CountAndSum(), framed)
        return {"results": made, "late": made.get_side_output(late)}

    return build


ASSIGNERS = {
    "tumbling": TumblingEventTimeWindows.of(seconds(10)),
    "tumbling with an offset": TumblingEventTimeWindows.of(seconds(10), seconds(-3)),
    "sliding": SlidingEventTimeWindows.of(seconds(12), seconds(4)),
    "sliding with gaps": SlidingEventTimeWindows.of(seconds(3), seconds(7)),
    "sessions": EventTimeSessionWindows.with_gap(seconds(5)),
}
for _name, _assigner in ASSIGNERS.items():
    for _lateness in (0, 6):
        PIPELINES[f"{_name}, {_lateness} s of lateness"] = _windows(_assigner, _lateness)


@pipeline
def windows_that_keep_their_elements(stream: DataStream, calm: DataStream) -> Streams:
    keyed = stream.key_by(user)
    return {
        "apply": keyed.window(ASSIGNERS["tumbling"]).apply(elements),
        "sessions": keyed.window(ASSIGNERS["sessions"]).allowed_lateness(seconds(6)).apply(elements),
    }


@pipeline
def windows_in_context(stream: DataStream, calm: DataStream) -> Streams:
    made = stream.key_by(user).window(ASSIGNERS["tumbling"]).process(InContext())
    return {"results": made, "busy": made.get_side_output(OutputTag("busy"))}


@pipeline
def functions_of_windows_that_are_opened(stream: DataStream, calm: DataStream) -> Streams:
    keyed = calm.key_by(user)
    tumbling, sessions = keyed.window(ASSIGNERS["tumbling"]), keyed.window(ASSIGNERS["sessions"])
    return {
        "process": tumbling.process(Numbered()),
        "sessions": sessions.process(Numbered()),
        "aggregate": tumbling.aggregate(OpenedSum(), Numbered()),
        "aggregate in sessions": sessions.aggregate(OpenedSum(), Numbered()),
        "rolling": keyed.aggregate(OpenedSum()),
    }


@pipeline
def windows_that_reduce(stream: DataStream, calm: DataStream) -> Streams:
    keyed = stream.key_by(user)
    return {
        "plain": keyed.window(ASSIGNERS["sliding"]).reduce(later),
        "framed": keyed.window(ASSIGNERS["sliding"]).reduce(later, framed),
        "sessions": keyed.window(ASSIGNERS["sessions"]).reduce(later, framed),
    }


@pipeline
def a_window_behind_a_window(stream: DataStream, calm: DataStream) -> Streams:
    """Late firings too have the last millisecond of their window as timestamp."""
    first = stream.key_by(user).window(ASSIGNERS["tumbling"]).allowed_lateness(seconds(6)).aggregate(CountAndSum())
    return {"results": first.window(TumblingEventTimeWindows.of(seconds(30))).apply(_tuples)}


@pipeline
def triggers(stream: DataStream, calm: DataStream) -> Streams:
    keyed = calm.key_by(user)
    return {
        "count": keyed.window(GlobalWindows.create()).trigger(CountTrigger.of(4)).apply(elements_only),
        "purging": keyed.window(GlobalWindows()).trigger(PurgingTrigger.of(CountTrigger.of(4))).apply(elements_only),
        "count in tumbling": keyed.window(ASSIGNERS["tumbling"]).trigger(CountTrigger.of(2)).aggregate(CountAndSum()),
        "count in sessions": keyed.window(ASSIGNERS["sessions"]).trigger(CountTrigger.of(2)).apply(elements),
        "own": keyed.window(ASSIGNERS["tumbling"]).trigger(EveryThirdAndAtTheEnd()).apply(elements),
        "own in sessions": keyed.window(ASSIGNERS["sessions"]).trigger(EveryThirdAndAtTheEnd()).apply(elements),
        "never": keyed.window(GlobalWindows()).apply(elements_only),
    }


@pipeline
def rolling(stream: DataStream, calm: DataStream) -> Streams:
    keyed = stream.key_by(user)
    return {"reduce": keyed.reduce(later), "aggregate": keyed.aggregate(CountAndSum())}


@pipeline
def state(stream: DataStream, calm: DataStream) -> Streams:
    keyed = stream.key_by(user)
    return {"every kind": keyed.process(AllKindsOfState()), "in a map": keyed.map(CountsOfKey())}


@pipeline
def timers(stream: DataStream, calm: DataStream) -> Streams:
    made = stream.key_by(user).process(Quiet())
    return {
        "fired": made,
        "watermark of each": made.get_side_output(OutputTag("seen")),
        "set by timers": stream.key_by(user).process(Echoes()),
        "set by timers of two inputs": stream.key_by(user).connect(calm.key_by(user)).process(EchoesOfTwo()),
    }


@pipeline
def one_record_at_a_time(stream: DataStream, calm: DataStream) -> Streams:
    sorted_ = stream.process(Sorted())
    return {
        "map": stream.map(lambda event: (event[2], event[0].upper())),
        "filter": stream.filter(lambda event: event[2] % 3 == 0),
        "flat_map": stream.flat_map(lambda event: range(event[2] % 4)),
        "nothing": stream.flat_map(lambda event: None),
        "process": sorted_,
        "odd": sorted_.get_side_output(OutputTag("odd")),
    }


@pipeline
def two_streams(stream: DataStream, calm: DataStream) -> Streams:
    even, odd = calm.filter(lambda event: event[2] % 2 == 0), calm.filter(lambda event: event[2] % 2 == 1)
    both = even.connect(odd)
    return {
        "union": even.union(odd).key_by(user).window(ASSIGNERS["sliding"]).aggregate(CountAndSum(), framed),
        "map": both.map(Ends()),
        "flat_map": both.flat_map(Several()),
        "shared": both.key_by(user, user).process(SharedState()),
    }


@pipeline
def interval_joins(stream: DataStream, calm: DataStream) -> Streams:
    even, odd = calm.filter(lambda event: event[2] % 2 == 0), calm.filter(lambda event: event[2] % 2 == 1)
    close = even.key_by(user).interval_join(odd.key_by(user)).between(seconds(-3), seconds(5)).process(_pair)
    after = even.key_by(user).interval_join(odd.key_by(user)).between(seconds(1), seconds(4))
    return {
        "around": close,
        "after": after.upper_bound_exclusive().process(_pair),
        "in windows": close.window(ASSIGNERS["tumbling"]).apply(_count),
    }


@pipeline
def patterns(stream: DataStream, calm: DataStream) -> Streams:
    low = Pattern.begin("low").where(lambda event: event[2] % 3 == 0)
    rising = low.followed_by("high").where(lambda event, so_far: event[2] > so_far["low"][0][2] + 5).within(seconds(12))
    twice = Pattern.begin("even").where(lambda event: event[2] % 2 == 0).times(2).consecutive()
    quiet = twice.not_followed_by("five").where(lambda event: event[2] % 5 == 0).within(seconds(15))
    past = AfterMatchSkipStrategy.skip_past_last_event()
    runs = Pattern.begin("odd", past).where(lambda event: event[2] % 2 == 1).one_or_more()
    runs = runs.followed_by("end").where(lambda event: event[2] % 4 == 0)
    late, over = OutputTag("late"), OutputTag("over")
    matched = CEP.pattern(stream.key_by(user), rising).side_output_late_data(late)
    timed = matched.select(_named, timeout_tag=over, timeout_function=lambda match, at: (_named(match), at))
    return {
        "rising": timed,
        "out of time": timed.get_side_output(over),
        "late": timed.get_side_output(late),
        "absence": CEP.pattern(calm.key_by(user), quiet).select(_named),
        "skipping": CEP.pattern(calm.key_by(user), runs).select(_named),
        "without a key": CEP.pattern(calm, rising).select(_named),
    }


@pipeline
def keys(stream: DataStream, calm: DataStream) -> Streams:
    return {
        "equal numbers": calm.key_by(_number_like).aggregate(CountAndSum()),
        "tuples": calm.key_by(_tuple_of).aggregate(CountAndSum()),
        "as handed on": calm.key_by(lambda e: (e[0], e[2] % 2)).window(ASSIGNERS["tumbling"]).apply(elements),
        "none": calm.window(ASSIGNERS["tumbling"]).apply(elements),
    }


# -- ends of a job -----------------------------------------------------------------------------------------------

SOURCES: dict[str, Callable[[FlinkStreamProcessor, Path], Streams]] = {}
"""From the job and a folder of its own."""


def source(build: Callable[[FlinkStreamProcessor, Path], Streams]) -> Callable[[FlinkStreamProcessor, Path], Streams]:
    SOURCES[build.__name__] = build
    return build


@source
def files(processor: FlinkStreamProcessor, folder: Path) -> Streams:
    rows = [{"user": name, "number": number} for name, _, number in events(30)]
    pd.DataFrame(rows).to_parquet(folder / "rows.parquet")
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    parquet, lines = (processor.add_source(FileSource(folder / name)) for name in ("rows.parquet", "rows.jsonl"))
    return {"parquet": parquet.map(_items), "lines": lines.map(_items)}


@source
def a_stream_of_events(processor: FlinkStreamProcessor, folder: Path) -> Streams:
    """Which brings timestamps."""
    stream = EventStream("clicks")
    for number in range(12):
        stream.publish(a_click(f"u{number % 3}", "lamp", at=f"10:{number:02}"))
    clicks = processor.add_source(StreamSource(stream))
    return {"events": clicks.map(lambda event: event.to_dict()["user_id"]), "their times": clicks.process(WithTime())}


class WithTime(ProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        yield value.user_id, ctx.timestamp()


# -- what the machine's clock decides ----------------------------------------------------------------------------

PAUSE_S = 0.2


def slowed(event: Event) -> Event:
    time.sleep(PAUSE_S)
    return event


class Alarm(KeyedProcessFunction):
    """With each key's first element it sets a timer soon, one that it takes back, and one for after the job."""

    def open(self, runtime_context: Any) -> None:
        self.is_set = runtime_context.get_state(ValueStateDescriptor("set"))

    def process_element(self, value: Event, ctx: Any) -> None:
        if self.is_set.value():
            return
        self.is_set.update(True)
        timers = ctx.timer_service()
        now = timers.current_processing_time()
        for after in (1, 2, 3_600_000):
            timers.register_processing_time_timer(now + after)
        timers.delete_processing_time_timer(now + 2)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        yield ctx.get_current_key(), ctx.time_domain(), timestamp <= ctx.timer_service().current_processing_time()


class Forgetful(KeyedProcessFunction):
    """What is left of the element before, in states that live shorter than the pause and longer than the job."""

    def open(self, runtime_context: Any) -> None:
        def living(descriptor: Any, ttl_ms: int) -> Any:
            descriptor.enable_time_to_live(StateTtlConfig.new_builder(ttl_ms).build())
            return descriptor

        self.states = [
            (
                runtime_context.get_state(living(ValueStateDescriptor(name), ttl_ms)),
                runtime_context.get_list_state(living(ListStateDescriptor(f"{name} list"), ttl_ms)),
                runtime_context.get_map_state(living(MapStateDescriptor(f"{name} map"), ttl_ms)),
                runtime_context.get_reducing_state(living(ReducingStateDescriptor(f"{name} most", max), ttl_ms)),
                runtime_context.get_aggregating_state(
                    living(AggregatingStateDescriptor(f"{name} sum", CountAndSum()), ttl_ms)
                ),
            )
            for name, ttl_ms in (("short", 20), ("long", 3_600_000))
        ]

    def process_element(self, value: Event, ctx: Any) -> Iterator[Any]:
        for held, listed, mapped, most, all_ in self.states:
            yield value[2], held.value(), tuple(listed), tuple(mapped.items()), "x" in mapped, most.get(), all_.get()
            held.update(value[2])
            listed.add(value[2])
            mapped.put("x", (mapped.get("x") or 0) + 1)
            most.add(value[2])
            all_.add(value)


def by_the_clock(stream: DataStream) -> Streams:
    slow = stream.map(slowed).key_by(user)
    return {"timers": slow.process(Alarm()), "time to live": slow.process(Forgetful())}


# -- helpers -----------------------------------------------------------------------------------------------------


def _named(match: dict[str, list[Event]]) -> Any:
    return tuple((stage, tuple(event[2] for event in found)) for stage, found in sorted(match.items()))


def _items(row: dict[str, Any]) -> Any:
    return tuple(sorted(row.items()))


def elements_only(key: Any, window: Any, inputs: Iterable[Event]) -> list[Any]:
    return [(key, tuple(event[2] for event in inputs))]


def _tuples(key: Any, window: Any, inputs: Iterable[Any]) -> list[Any]:
    return [(window.start, window.end, tuple(sorted(inputs)))]


def _count(key: Any, window: Any, inputs: Iterable[Any]) -> list[Any]:
    return [(window.start, window.end, len(list(inputs)))]


def _pair(left: Event, right: Event, ctx: Any) -> Iterator[Any]:
    yield left[2], right[2], ctx.timestamp()


def _number_like(event: Event) -> Any:
    """Equal in Python, and different when they are pickled."""
    return (1, 1.0, True, 2, 2.0)[event[2] % 5]


def _tuple_of(event: Event) -> tuple[str, str]:
    """One object twice, or two equal ones: pickle tells them apart."""
    return (event[0], event[0]) if event[2] % 2 else (event[0], "".join(list(event[0])))
