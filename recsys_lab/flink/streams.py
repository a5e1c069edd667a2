"""Streams as a program sees them: DataStream, KeyedStream, WindowedStream, and two streams together.

A stream is a node of the job graph and what may be built on it. Every method adds one node and gives the stream
behind it; what cannot work is refused here, before anything runs. Names are those of Apache Flink's Python API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.codec import check_type
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.functions import OutputTag, method_of, needs_opening
from recsys_lab.flink.graph import StreamOperator
from recsys_lab.flink.operators.folding import Fold, aggregating, collecting, reducing
from recsys_lab.flink.operators.processing import check_bounds
from recsys_lab.flink.sinks import ListSink, check_sink
from recsys_lab.flink.watermarks import WatermarkStrategy
from recsys_lab.flink.windows import (
    EventTimeTrigger,
    SlidingEventTimeWindows,
    Trigger,
    WindowAssigner,
)

if TYPE_CHECKING:
    from recsys_lab.flink.processor import FlinkStreamProcessor

_PROCESS = (("process_element",),)
_PROCESS_TWO = (("process_element1",), ("process_element2",))


class DataStream:
    """A stream of records."""

    def __init__(self, processor: FlinkStreamProcessor, node: StreamOperator) -> None:
        self._processor = processor
        self._node = node

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._node.name!r})"

    def name(self, name: str) -> Any:
        """Name the operator that this stream comes from; gives the stream."""
        self._processor.graph.rename(self._node, name)
        return self

    def map(self, function: Any) -> DataStream:
        """Each record becomes f(record), which must not be None."""
        return self._function("map", function)

    def filter(self, function: Any) -> DataStream:
        """Keep the records for which f(record) is true."""
        method_of(function, "filter")
        return self._then("filter", function)

    def flat_map(self, function: Any) -> DataStream:
        """Each record becomes all that f(record) gives; None gives nothing."""
        return self._function("flat_map", function)

    def process(self, function: Any) -> DataStream:
        """Each record goes through a ProcessFunction."""
        method_of(function, "process_element")
        return self._then("process", function, methods=_PROCESS)

    def key_by(self, key_selector: Any) -> KeyedStream:
        """Divide the stream by f(record), a hashable value: a text, a number, or a tuple of them."""
        method_of(key_selector, "get_key")
        return KeyedStream(self._processor, self._add("key_by", key_selector, (self._node,)))

    def union(self, *streams: DataStream) -> DataStream:
        """This stream and others as one; its watermark is the least of theirs."""
        _check_streams(streams)
        return self._then("union", None, others=tuple(stream._node for stream in streams))

    def connect(self, other: DataStream) -> ConnectedStreams:
        """Two streams, of different types perhaps, for one function of both."""
        _check_streams((other,))
        return ConnectedStreams(self, other)

    def assign_timestamps_and_watermarks(self, strategy: WatermarkStrategy) -> DataStream:
        """Give each record its timestamp, and the stream its watermark."""
        if not isinstance(strategy, WatermarkStrategy):
            raise JobError(
                f"watermark strategy is {shorten(strategy)}; "
                "WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=30)) makes one."
            )
        return self._then("timestamps", strategy)

    def window(self, assigner: WindowAssigner) -> WindowedStream:
        """All records under one key, in windows."""
        return self.key_by(_everything).window(assigner)

    window_all = window

    def get_side_output(self, tag: OutputTag) -> DataStream:
        """What the operator behind this stream sent to the tag."""
        return self._then("side_output", None, tag=_check_tag(tag).name)

    def sink(self, function: Any) -> DataStream:
        """Call f(record) for each record: at least once, since a restart repeats what came after a checkpoint."""
        if not callable(function):
            raise JobError(f"sink is {shorten(function)}; a function of one record is needed, or sink_to(sink).")
        return self._then("sink", function)

    add_sink = sink

    def sink_to(self, sink: Any) -> DataStream:
        """Write each record to a sink: exactly once, if the sink is transactional."""
        check_sink(sink, (node.function for node in self._processor.graph.nodes if node.kind == "sink"))
        return self._then("sink", sink)

    def execute_and_collect(self, job_name: str = "RecommendationJob") -> list[Any]:
        """Run the job, and give the records of this stream."""
        sink = ListSink()
        self.sink_to(sink)
        self._processor.execute(job_name)
        return list(sink.values)

    def _function(self, kind: str, function: Any) -> DataStream:
        method_of(function, kind)
        return self._then(kind, function)

    def _then(self, kind: str, function: Any, *, others: tuple[StreamOperator, ...] = (), **options: Any) -> DataStream:
        return DataStream(self._processor, self._add(kind, function, (self._node, *others), **options))

    def _add(self, kind: str, function: Any, upstream: tuple[StreamOperator, ...], **options: Any) -> StreamOperator:
        return self._processor.graph.add(kind, function, upstream, self._processor.parallelism, **options)


class KeyedStream(DataStream):
    """A stream divided by key: state and timers belong to the key."""

    def process(self, function: Any) -> DataStream:
        """Each record goes through a KeyedProcessFunction, with state and timers of its key."""
        method_of(function, "process_element")
        return self._then("process", function, methods=_PROCESS, keyed=True)

    def reduce(self, function: Any, *, value_type: Any = None) -> DataStream:
        """f(reduced so far, record) of the key, for each record; value_type: their class, if it isn't plain data."""
        return self._then("rolling", reducing(function, None, _types(value_type)))

    def aggregate(self, function: Any, *, accumulator_type: Any = None) -> DataStream:
        """The aggregate so far of the key, for each record."""
        return self._then("rolling", aggregating(function, declared=accumulator_type))

    def window(self, assigner: WindowAssigner) -> WindowedStream:
        """The records of each key in windows."""
        if not isinstance(assigner, WindowAssigner):
            raise JobError(
                f"window assigner is {shorten(assigner)}; TumblingEventTimeWindows.of(timedelta(minutes=5)) makes one."
            )
        return WindowedStream(self, assigner)

    def interval_join(self, other: KeyedStream) -> IntervalJoin:
        """Records of both streams, of one key, whose timestamps are close: `.between(lower, upper)` says how."""
        if not isinstance(other, KeyedStream):
            raise JobError("an interval join needs two keyed streams; use key_by on the other one too.")
        return IntervalJoin(self, other)

    def _function(self, kind: str, function: Any) -> DataStream:
        method_of(function, kind)
        if not needs_opening(function):
            return self._then(kind, function)
        single = kind == "map"
        return self._then("process", function, methods=((kind,),), keyed=True, wants_context=False, single=single)


class WindowedStream:
    """A keyed stream in windows; `reduce`, `aggregate`, `apply` or `process` makes a stream of results of it."""

    def __init__(self, stream: KeyedStream, assigner: WindowAssigner) -> None:
        self._stream = stream
        self._assigner = assigner
        self._trigger: Trigger | None = None
        self._lateness = 0
        self._late_tag: OutputTag | None = None

    def allowed_lateness(self, duration: Any) -> WindowedStream:
        """Keep windows for so long (timedelta or ms) after the watermark passed them; late records fire them anew."""
        self._lateness = duration_ms("allowed lateness", duration)
        return self

    def side_output_late_data(self, tag: OutputTag) -> WindowedStream:
        """Send what is too late to a side output, where it would be dropped (and counted) else."""
        self._late_tag = _check_tag(tag)
        return self

    def trigger(self, trigger: Trigger) -> WindowedStream:
        """Decide otherwise when windows fire."""
        if not isinstance(trigger, Trigger):
            raise JobError(f"trigger is {shorten(trigger)}; CountTrigger.of(100) makes one.")
        self._trigger = trigger
        return self

    def reduce(self, function: Any, window_function: Any = None, *, value_type: Any = None) -> DataStream:
        """The reduction of each window's records; value_type: their class, if it isn't plain data."""
        return self._window(reducing(function, window_function, _types(value_type)))

    def aggregate(self, function: Any, window_function: Any = None, *, accumulator_type: Any = None) -> DataStream:
        """The aggregate of each window; window_function: makes results of (key, window, [aggregate])."""
        return self._window(aggregating(function, window_function, accumulator_type))

    def apply(self, function: Any, *, element_type: Any = None) -> DataStream:
        """f(key, window, elements) → an iterable of results; element_type: their class, if it isn't plain data."""
        method_of(function, "apply")
        return self._window(collecting(function, _types(element_type)))

    def process(self, function: Any, *, element_type: Any = None) -> DataStream:
        """A ProcessWindowFunction, or f(key, window, elements)."""
        method_of(function, "process")
        return self._window(collecting(function, _types(element_type)))

    def _window(self, fold: Fold) -> DataStream:
        aligned = isinstance(self._assigner, SlidingEventTimeWindows) and (
            self._trigger is None or type(self._trigger) is EventTimeTrigger
        )
        return self._stream._then(
            "window",
            fold,
            assigner=self._assigner,
            trigger=self._trigger,
            lateness=self._lateness,
            late_tag=self._late_tag,
            aligned=aligned,
        )


class ConnectedStreams:
    """Two streams for one function of both."""

    def __init__(self, first: DataStream, second: DataStream) -> None:
        self._first = first
        self._second = second

    def key_by(self, key_selector1: Any, key_selector2: Any) -> ConnectedStreams:
        """Divide both by key; state is then shared by both."""
        return ConnectedStreams(self._first.key_by(key_selector1), self._second.key_by(key_selector2))

    def map(self, function: Any) -> DataStream:
        """A CoMapFunction: `map1` for the one stream, `map2` for the other."""
        return self._with(function, (("map1",), ("map2",)), single=True, wants_context=False)

    def flat_map(self, function: Any) -> DataStream:
        """A CoFlatMapFunction."""
        return self._with(function, (("flat_map1",), ("flat_map2",)), wants_context=False)

    def process(self, function: Any) -> DataStream:
        """A CoProcessFunction, or a KeyedCoProcessFunction when both streams are keyed."""
        return self._with(function, _PROCESS_TWO)

    def _with(self, function: Any, methods: tuple[tuple[str, ...], ...], **options: Any) -> DataStream:
        for names in methods:
            if not callable(getattr(function, names[0], None)):
                raise JobError(f"{shorten(function)} cannot be used here; an object with `{names[0]}` is needed.")
        keyed = isinstance(self._first, KeyedStream) and isinstance(self._second, KeyedStream)
        return self._first._then(
            "co_process", function, others=(self._second._node,), methods=methods, keyed=keyed, **options
        )


class IntervalJoin:
    """Two keyed streams, to be joined by time."""

    def __init__(self, left: KeyedStream, right: KeyedStream) -> None:
        self._left = left
        self._right = right
        self._bounds: tuple[int, int] | None = None

    def between(self, lower: Any, upper: Any) -> IntervalJoin:
        """Pairs with lower <= right's time - left's time <= upper; timedelta or ms, negative for before."""
        self._bounds = check_bounds(lower, upper)
        return self

    def lower_bound_exclusive(self) -> IntervalJoin:
        """Leave out pairs exactly at the lower bound."""
        lower, upper = self._checked()
        self._bounds = check_bounds(lower + 1, upper)
        return self

    def upper_bound_exclusive(self) -> IntervalJoin:
        """Leave out pairs exactly at the upper bound."""
        lower, upper = self._checked()
        self._bounds = check_bounds(lower, upper - 1)
        return self

    def process(self, function: Any, *, element_types: tuple[Any, ...] = ()) -> DataStream:
        """A ProcessJoinFunction, or f(left, right, ctx), giving an iterable of results.

        element_types: the classes of the records, if they aren't plain data.
        """
        method_of(function, "process_element")
        lower, upper = self._checked()
        others = (self._right._node,)
        types = tuple(found for kind in element_types for found in _types(kind))
        return self._left._then("interval_join", function, others=others, lower=lower, upper=upper, types=types)

    def _checked(self) -> tuple[int, int]:
        if self._bounds is None:
            raise JobError("the interval join has no bounds; say .between(lower, upper) first.")
        return self._bounds


def _everything(record: Any) -> None:
    """The one key of an unkeyed stream."""


def _types(kind: Any) -> tuple[type, ...]:
    found = check_type("type", kind)
    return (found,) if found else ()


def _check_tag(tag: Any) -> OutputTag:
    if not isinstance(tag, OutputTag):
        raise JobError(f'tag is {shorten(tag)}; OutputTag("late") makes one.')
    return tag


def _check_streams(streams: tuple[Any, ...]) -> None:
    for stream in streams:
        if not isinstance(stream, DataStream):
            raise JobError(f"{shorten(stream)} is no stream; give a DataStream of the same FlinkStreamProcessor.")
