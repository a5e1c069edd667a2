"""What the student writes: functions, and the objects that they are handed.

Plain functions do for most: `stream.map(f)`. A function that needs state, timers, side outputs or set-up is a
class with Apache Flink's names; it gets a `RuntimeContext` in `open`, and a context with each element.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from recsys_lab.errors import JobError, shorten

if TYPE_CHECKING:
    from recsys_lab.flink.windows import TimeWindow


class OutputTag(NamedTuple):
    """The name of a side output. `yield tag, value` in a process function sends a value there.

    type_info: of its values; for Apache Flink, which has to know.
    """

    name: str
    type_info: Any = None


class RuntimeContext(Protocol):
    """What a function gets in `open`: its state, by descriptor."""

    def get_state(self, descriptor: Any) -> Any: ...
    def get_list_state(self, descriptor: Any) -> Any: ...
    def get_map_state(self, descriptor: Any) -> Any: ...
    def get_reducing_state(self, descriptor: Any) -> Any: ...
    def get_aggregating_state(self, descriptor: Any) -> Any: ...


class Function:
    """Base of all function classes: `open` before the first element, `close` after the last."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Set up; fetch state here."""

    def close(self) -> None:
        """Let go of what `open` took."""


class MapFunction(Function):
    """One element in, one out."""

    def map(self, value: Any) -> Any:
        raise NotImplementedError


class FilterFunction(Function):
    """Keep the element or not."""

    def filter(self, value: Any) -> bool:
        raise NotImplementedError


class FlatMapFunction(Function):
    """One element in, any number out."""

    def flat_map(self, value: Any) -> Iterable[Any]:
        raise NotImplementedError


class ReduceFunction(Function):
    """Two values of one type into one."""

    def reduce(self, value1: Any, value2: Any) -> Any:
        raise NotImplementedError


class CoMapFunction(Function):
    """A map over two connected streams."""

    def map1(self, value: Any) -> Any:
        raise NotImplementedError

    def map2(self, value: Any) -> Any:
        raise NotImplementedError


class CoFlatMapFunction(Function):
    """A flat_map over two connected streams."""

    def flat_map1(self, value: Any) -> Iterable[Any]:
        raise NotImplementedError

    def flat_map2(self, value: Any) -> Iterable[Any]:
        raise NotImplementedError


class AggregateFunction(Function):
    """Many elements into one result, by an accumulator that is plain data.

    `add` gives the accumulator, which may be the one it got, changed. `merge` is needed for session windows only.
    """

    def create_accumulator(self) -> Any:
        raise _lacks(self, "create_accumulator")

    def add(self, value: Any, accumulator: Any) -> Any:
        raise _lacks(self, "add")

    def get_result(self, accumulator: Any) -> Any:
        raise _lacks(self, "get_result")

    def merge(self, a: Any, b: Any) -> Any:
        raise _lacks(self, "merge")


class TimerService:
    """Time and timers of the key at hand."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def current_watermark(self) -> int:
        """The watermark that this operator has been told, in epoch ms; MIN_WATERMARK before the first."""
        watermark: int = self._owner.watermark
        return watermark

    def current_processing_time(self) -> int:
        """The job's clock, in epoch ms."""
        now: int = self._owner.now
        return now

    def register_event_time_timer(self, timestamp: int) -> None:
        """Call `on_timer` when the watermark reaches this time; registering twice is the same as once."""
        self._owner.register("event", timestamp)

    def register_processing_time_timer(self, timestamp: int) -> None:
        """Call `on_timer` when the job's clock reaches this time."""
        self._owner.register("processing", timestamp)

    def delete_event_time_timer(self, timestamp: int) -> None:
        """Forget a timer, if it is there."""
        self._owner.unregister("event", timestamp)

    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Forget a timer, if it is there."""
        self._owner.unregister("processing", timestamp)


class Context:
    """What a process function gets with each element, and on a timer."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._timers = TimerService(owner)

    def timestamp(self) -> int | None:
        """Of the element, or of the timer, in epoch ms; None where the stream has no timestamps."""
        timestamp: int | None = self._owner.timestamp
        return timestamp

    def get_current_key(self) -> Any:
        """The key of the element or timer."""
        return self._owner.key

    def timer_service(self) -> TimerService:
        """Time and timers."""
        return self._timers

    def time_domain(self) -> str:
        """Of a timer that fires: "event" or "processing"."""
        domain: str = self._owner.domain
        return domain


class ProcessFunction(Function):
    """The most general function of one stream: yields results, or `(tag, value)` for a side output."""

    def process_element(self, value: Any, ctx: Context) -> Iterable[Any] | None:
        raise NotImplementedError


class KeyedProcessFunction(ProcessFunction):
    """A process function on a keyed stream: state by key, and timers."""

    def on_timer(self, timestamp: int, ctx: Context) -> Iterable[Any] | None:
        """A timer of this key is due."""
        return None


class CoProcessFunction(Function):
    """A process function of two connected streams."""

    def process_element1(self, value: Any, ctx: Context) -> Iterable[Any] | None:
        raise NotImplementedError

    def process_element2(self, value: Any, ctx: Context) -> Iterable[Any] | None:
        raise NotImplementedError


class KeyedCoProcessFunction(CoProcessFunction):
    """The same on connected streams that are keyed: state is shared by both, timers too."""

    def on_timer(self, timestamp: int, ctx: Context) -> Iterable[Any] | None:
        """A timer of this key is due."""
        return None


class ProcessJoinFunction(Function):
    """What to make of two elements that an interval join brings together."""

    def process_element(self, left: Any, right: Any, ctx: Context) -> Iterable[Any] | None:
        raise NotImplementedError


class WindowFunction(Function):
    """All elements of a window into results."""

    def apply(self, key: Any, window: TimeWindow, inputs: Iterable[Any]) -> Iterable[Any]:
        raise NotImplementedError


class ProcessWindowFunction(Function):
    """All elements of a window into results, with the window's context."""

    class Context(NamedTuple):
        """window: the one that fires. watermark, processing_time: epoch ms."""

        the_window: Any
        watermark: int
        processing_time: int

        def window(self) -> Any:
            """The window that fires."""
            return self.the_window

        def current_watermark(self) -> int:
            """In epoch ms."""
            return self.watermark

        def current_processing_time(self) -> int:
            """In epoch ms."""
            return self.processing_time

    def process(self, key: Any, context: Context, elements: Iterable[Any]) -> Iterable[Any]:
        raise NotImplementedError


def _lacks(function: Function, method: str) -> NotImplementedError:
    return NotImplementedError(f"{type(function).__name__} needs a `{method}`.")


class OperatorFailed(JobError):
    """A user's function failed. operator: its name. record: what it was given. cause: the exception."""

    def __init__(self, operator: str, record: Any, cause: BaseException | str) -> None:
        said = cause if isinstance(cause, str) else f"{type(cause).__name__}: {cause}"
        super().__init__(f"operator {operator!r} failed on {shorten(record, 120)}: {said}")
        self.operator = operator
        self.record = record
        self.cause = cause


def method_of(function: Any, *names: str) -> Any:
    """The callable that a transformation was given: a plain function, or an object's method of that name.

    Raises JobError when it is neither.
    """
    methods = [method for name in names if callable(method := getattr(function, name, None))]
    if methods and not isinstance(function, type):
        return methods[0]
    if callable(function) and not methods and not isinstance(function, Function):
        return function
    wanted = " or ".join(f"`{name}`" for name in names)
    raise JobError(f"{shorten(function)} cannot be used here; a function is needed, or an object with {wanted}.")


def needs_opening(function: Any) -> bool:
    """Whether a function object has an `open` of its own to call."""
    opening = getattr(type(function), "open", None)
    return opening is not None and opening is not Function.open
