"""A student's functions as PyFlink's: thin adapters, which run in Apache Flink's Python workers.

What the local runtime promises holds here too: a function that fails is named with its record; a map that returns
nothing is an error; a result paired with an `OutputTag` goes to the side, if anybody reads that side; handles,
contexts and windows look and behave as they do locally. This module is imported where PyFlink is installed only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pyflink.common import Row, Types
from pyflink.datastream import functions as flink
from pyflink.datastream.output_tag import OutputTag as FlinkTag
from pyflink.datastream.state import AggregatingStateDescriptor, MapStateDescriptor, ReducingStateDescriptor
from pyflink.datastream.time_domain import TimeDomain

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.apache.keys import decode_key, encode_key
from recsys_lab.flink.apache.states import States
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.functions import OperatorFailed, OutputTag, method_of, needs_opening
from recsys_lab.flink.matching import PatternFunction
from recsys_lab.flink.operators.base import NO_TIMESTAMP
from recsys_lab.flink.operators.folding import Fold
from recsys_lab.flink.watermarks import MIN_WATERMARK
from recsys_lab.flink.windows import GLOBAL_WINDOW, TimeWindow

ANY = Types.PICKLED_BYTE_ARRAY()
"""Records, results and state: any Python value."""

KEY = Types.STRING()

STAMPED = Types.ROW([Types.LONG(), ANY])
"""A result with the timestamp that it is to have."""


def tag(name: str) -> FlinkTag:
    """PyFlink's tag of a side output."""
    return FlinkTag(name, ANY)


class _Adapter:
    """name: of the operator. function: the student's; opened and closed with the operator."""

    def __init__(self, name: str, function: Any) -> None:
        self.name = name
        self.function = function

    def open(self, runtime_context: Any) -> None:
        if needs_opening(self.function):
            self.function.open(States(runtime_context, self.name))

    def close(self) -> None:
        if needs_opening(self.function):
            self.function.close()

    def failed(self, record: Any, cause: Exception) -> JobError:
        """The error for a record on which the function failed."""
        return cause if isinstance(cause, JobError) else OperatorFailed(self.name, record, cause)


class Map(_Adapter, flink.MapFunction):
    def map(self, value: Any) -> Any:
        try:
            result = method_of(self.function, "map")(value)
        except Exception as error:
            raise self.failed(value, error) from error
        if result is None:
            raise OperatorFailed(
                self.name, value, "it returned nothing (None). Return a value, or use flat_map to leave records out."
            )
        return result


class Filter(_Adapter, flink.FilterFunction):
    def filter(self, value: Any) -> bool:
        try:
            return bool(method_of(self.function, "filter")(value))
        except Exception as error:
            raise self.failed(value, error) from error


class FlatMap(_Adapter, flink.FlatMapFunction):
    def flat_map(self, value: Any) -> Iterator[Any]:
        try:
            yield from method_of(self.function, "flat_map")(value) or ()
        except Exception as error:
            raise self.failed(value, error) from error


class Key(_Adapter, flink.KeySelector):
    def get_key(self, value: Any) -> str:
        try:
            key = method_of(self.function, "get_key")(value)
            hash(key)
        except TypeError as error:
            text = f"{error}: its key is not hashable. Use a text, a number, or a tuple of them."
            raise OperatorFailed(self.name, value, text) from error
        except Exception as error:
            raise self.failed(value, error) from error
        return encode_key(key)


class Timestamp(_Adapter):
    """A timestamp assigner."""

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        try:
            timestamp = self.function(value, MIN_WATERMARK if record_timestamp is None else record_timestamp)
            if not isinstance(timestamp, (bool, str)):
                whole: int = math.floor(timestamp)
                return whole
        except (TypeError, ValueError, OverflowError) as error:
            raise self.failed(value, error) from error
        raise OperatorFailed(
            self.name,
            value,
            f"its timestamp is {shorten(timestamp)}; a number of milliseconds since 1970 is needed, "
            "such as epoch_ms(event.timestamp).",
        )


# -- process functions --


class _TimerService:
    def __init__(self, name: str) -> None:
        self._name = name
        self.keyed = False
        self.flink: Any = None

    def current_watermark(self) -> int:
        watermark: int = self.flink.current_watermark()
        return watermark

    def current_processing_time(self) -> int:
        now: int = self.flink.current_processing_time()
        return now

    def register_event_time_timer(self, timestamp: int) -> None:
        self._checked().register_event_time_timer(_time(timestamp))

    def register_processing_time_timer(self, timestamp: int) -> None:
        self._checked().register_processing_time_timer(_time(timestamp))

    def delete_event_time_timer(self, timestamp: int) -> None:
        self._checked().delete_event_time_timer(_time(timestamp))

    def delete_processing_time_timer(self, timestamp: int) -> None:
        self._checked().delete_processing_time_timer(_time(timestamp))

    def _checked(self) -> Any:
        if not self.keyed:
            raise JobError(f"operator {self._name!r} has no key, so it can't have timers. Use key_by before it.")
        return self.flink


def _time(timestamp: int) -> int:
    return duration_ms("time of the timer", timestamp, least=-(2**62))


class Context:
    """PyFlink's context, as the lab's."""

    def __init__(self, name: str, keyed: bool) -> None:
        self._timers = _TimerService(name)
        self._timers.keyed = keyed
        self._flink: Any = None
        self._given: int | None = None

    def of(self, flink_context: Any, timestamp: int | None = None) -> Context:
        """For the element or timer at hand."""
        self._flink = flink_context
        self._timers.flink = flink_context.timer_service()
        self._given = timestamp
        return self

    def timestamp(self) -> int | None:
        timestamp = self._flink.timestamp() if self._given is None else self._given
        return None if timestamp is None or timestamp <= MIN_WATERMARK else int(timestamp)

    def get_current_key(self) -> Any:
        return decode_key(self._flink.get_current_key()) if self._timers.keyed else None

    def timer_service(self) -> _TimerService:
        return self._timers

    def time_domain(self) -> str:
        return "event" if self._flink.time_domain() == TimeDomain.EVENT_TIME else "processing"


class _Process(_Adapter):
    """options: of the node. sides: names of the tags that somebody reads."""

    def __init__(self, name: str, function: Any, options: dict[str, Any], sides: frozenset[str]) -> None:
        super().__init__(name, function)
        self.names: tuple[tuple[str, ...], ...] = options["methods"]
        self.keyed: bool = options.get("keyed", False)
        self.wants_context: bool = options.get("wants_context", True)
        self.single: bool = options.get("single", False)
        self.sides = sides

    def open(self, runtime_context: Any) -> None:
        self.context = Context(self.name, self.keyed)
        self.methods = [method_of(self.function, *names) for names in self.names]
        super().open(runtime_context)

    def element(self, source: int, value: Any, ctx: Any) -> Iterator[Any]:
        """What the function makes of a record of that input."""
        context = self.context.of(ctx)
        try:
            results = self.methods[source](value, context) if self.wants_context else self.methods[source](value)
            if self.single:
                if results is None:
                    raise OperatorFailed(
                        self.name, value, "it returned nothing (None). Return a value, or use flat_map."
                    )
                yield results
            else:
                yield from self.routed(results)
        except Exception as error:
            raise self.failed(value, error) from error

    def timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        """What the function makes of a timer."""
        on_timer = getattr(self.function, "on_timer", None)
        if on_timer is None:
            return
        context = self.context.of(ctx)
        try:
            yield from self.routed(on_timer(timestamp, context))
        except Exception as error:
            raise self.failed(f"timer of {context.get_current_key()!r} at {timestamp}", error) from error

    def routed(self, results: Iterable[Any] | None) -> Iterator[Any]:
        return routed(results, self.sides)


def routed(results: Iterable[Any] | None, sides: frozenset[str]) -> Iterator[Any]:
    """Results, those for a side output with PyFlink's tag; those that nobody reads are left out."""
    for result in results or ():
        if type(result) is tuple and len(result) == 2 and type(result[0]) is OutputTag:
            if result[0].name in sides:
                yield tag(result[0].name), result[1]
        else:
            yield result


def stamped(results: Iterable[Any], timestamp: int) -> Iterator[Any]:
    """Results with their timestamp; those for a side output as they are."""
    for result in results:
        if type(result) is tuple and len(result) == 2 and isinstance(result[0], FlinkTag):
            yield result
        else:
            yield Row(timestamp, result)


class Process(_Process, flink.ProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(0, value, ctx)


class KeyedProcess(_Process, flink.KeyedProcessFunction):
    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(0, value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        return self.timer(timestamp, ctx)


class Matching(KeyedProcess):
    """Patterns. PyFlink hasn't got them: the lab's own matcher, whose state and timers are Apache Flink's here.

    late: the tag of events that come behind the watermark.
    """

    def __init__(
        self, name: str, function: PatternFunction, options: dict[str, Any], sides: frozenset[str], late: str
    ) -> None:
        super().__init__(name, function, options, sides)
        self.late = late

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        if _needed_timestamp(self.name, value, ctx) <= ctx.timer_service().current_watermark():
            yield tag(self.late), value
        else:
            yield from self.element(0, value, ctx)


class CoProcess(_Process, flink.CoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(0, value, ctx)

    def process_element2(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(1, value, ctx)


class KeyedCoProcess(_Process, flink.KeyedCoProcessFunction):
    def process_element1(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(0, value, ctx)

    def process_element2(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self.element(1, value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        return self.timer(timestamp, ctx)


# -- folds: rolling, and in windows --


class Reduce(flink.ReduceFunction):
    """The fold of a `reduce`."""

    def __init__(self, name: str, fold: Fold) -> None:
        self.name = name
        self.fold = fold

    def reduce(self, value1: Any, value2: Any) -> Any:
        try:
            return self.fold.grown(value2, value1)
        except Exception as error:
            raise _named(self.name, value2, error) from error


class Aggregate(flink.AggregateFunction):
    """The fold of an `aggregate`. finished: whether its result is asked for here, or by a window function."""

    def __init__(self, name: str, fold: Fold, *, finished: bool) -> None:
        self.name = name
        self.fold = fold
        self.finished = finished

    def create_accumulator(self) -> Any:
        assert self.fold.create is not None
        return self.fold.create()

    def add(self, value: Any, accumulator: Any) -> Any:
        try:
            return self.fold.grown(value, accumulator)
        except Exception as error:
            raise _named(self.name, value, error) from error

    def get_result(self, accumulator: Any) -> Any:
        return self.fold.result(accumulator) if self.finished else accumulator

    def merge(self, acc_a: Any, acc_b: Any) -> Any:
        return self.fold.merge(acc_a, acc_b)


class WindowResults(flink.ProcessWindowFunction):
    """What a window gives when it fires. folded: whether it holds the accumulator already, or all elements. stamped:
    whether to say the results' timestamp.

    Windows that merge hold elements always: when two of them merge, PyFlink (2.3, process mode) keeps the accumulator
    of one and drops the other's. Lists it puts together as it should.
    """

    def __init__(self, name: str, fold: Fold, sides: frozenset[str], *, folded: bool, stamped: bool) -> None:
        self.name = name
        self.fold = fold
        self.sides = sides
        self.folded = folded
        self.stamped = stamped

    def open(self, runtime_context: Any) -> None:
        self.fold.opened(States(runtime_context, self.name))

    def close(self) -> None:
        self.fold.close()

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterator[Any]:
        window = window_of(context.window())
        moment = _Moment(context.current_watermark(), context.current_processing_time())
        try:
            held = next(iter(elements)) if self.folded else self._held(elements)
            results = routed(self.fold.results(decode_key(key), window, held, moment), self.sides)
            yield from stamped(results, window.max_timestamp()) if self.stamped else results
        except Exception as error:
            raise _named(self.name, f"window {tuple(window)} of {decode_key(key)!r}", error) from error

    def _held(self, elements: Iterable[Any]) -> Any:
        if self.fold.elements:
            return list(elements)
        held = None
        for value in elements:
            held = self.fold.grown(value, held)
        return held


class _Moment:
    def __init__(self, watermark: int, now: int) -> None:
        self.watermark = watermark
        self.now = now


def window_of(window: Any) -> TimeWindow:
    """PyFlink's window as ours."""
    return TimeWindow(window.start, window.end) if hasattr(window, "start") else GLOBAL_WINDOW


def _named(name: str, record: Any, cause: Exception) -> JobError:
    return cause if isinstance(cause, JobError) else OperatorFailed(name, record, cause)


def _needed_timestamp(name: str, value: Any, ctx: Any) -> int:
    timestamp: int | None = ctx.timestamp()
    if timestamp is None or timestamp <= MIN_WATERMARK:
        raise OperatorFailed(name, value, NO_TIMESTAMP)
    return timestamp


class Rolling(flink.KeyedProcessFunction):
    """Reduce or aggregate without a window: the result so far, for each element."""

    def __init__(self, name: str, fold: Fold) -> None:
        self.name = name
        self.fold = fold

    def open(self, runtime_context: Any) -> None:
        self.fold.opened(None)
        if self.fold.create is None:
            self.state = runtime_context.get_reducing_state(
                ReducingStateDescriptor("rolling", Reduce(self.name, self.fold), ANY)
            )
        else:
            self.state = runtime_context.get_aggregating_state(
                AggregatingStateDescriptor("rolling", Aggregate(self.name, self.fold, finished=True), ANY)
            )

    def close(self) -> None:
        self.fold.close()

    def process_element(self, value: Any, ctx: Any) -> Iterator[Any]:
        self.state.add(value)
        yield self.state.get()


class IntervalJoin(_Adapter, flink.KeyedCoProcessFunction):
    """Pairs of one key whose timestamps are close: what Flink's IntervalJoinOperator does, which PyFlink hasn't got.

    Elements wait in "left" and "right" (time → elements) as long as a partner may come.
    """

    def __init__(self, name: str, function: Any, lower: int, upper: int, sides: frozenset[str], late: str) -> None:
        super().__init__(name, function)
        self.lower = lower
        self.upper = upper
        self.sides = sides
        self.late = late

    def open(self, runtime_context: Any) -> None:
        self.context = Context(self.name, keyed=True)
        self.join = method_of(self.function, "process_element")
        self.buffers = [
            runtime_context.get_map_state(MapStateDescriptor(side, Types.LONG(), ANY)) for side in ("left", "right")
        ]
        super().open(runtime_context)

    def process_element1(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self._pairs(0, value, ctx)

    def process_element2(self, value: Any, ctx: Any) -> Iterator[Any]:
        return self._pairs(1, value, ctx)

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        for buffer, stays in zip(self.buffers, (self.upper, -self.lower), strict=True):
            buffer.remove(timestamp - max(stays, 0))
        return iter(())

    def _pairs(self, source: int, value: Any, ctx: Any) -> Iterator[Any]:
        time = _needed_timestamp(self.name, value, ctx)
        if time < ctx.timer_service().current_watermark():
            yield tag(self.late), None
            return
        below, above = (self.lower, self.upper) if source == 0 else (-self.upper, -self.lower)
        mine, others = self.buffers[source], self.buffers[1 - source]
        try:
            for at in sorted(at for at in others.keys() if time + below <= at <= time + above):  # noqa: SIM118
                for partner in others.get(at):
                    pair = (value, partner) if source == 0 else (partner, value)
                    latest = max(time, at)
                    yield from stamped(routed(self.join(*pair, self.context.of(ctx, latest)), self.sides), latest)
        except Exception as error:
            raise self.failed(value, error) from error
        mine.put(time, [*(mine.get(time) if mine.contains(time) else ()), value])
        ctx.timer_service().register_event_time_timer(time + max(above, 0))


# -- around the job --


class Stamp(flink.MapFunction):
    """What goes to the client, with the number of the sink that it is for."""

    def __init__(self, number: int, make: Callable[[Any], Any] | None = None) -> None:
        self.number = number
        self.make = make

    def map(self, value: Any) -> Any:
        return self.number, value if self.make is None else self.make(value)
