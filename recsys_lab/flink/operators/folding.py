"""What is kept of a window's elements, and what it gives when it fires.

A window with `reduce` or `aggregate` keeps one accumulator, however many elements come; one with `apply` or
`process` has to keep them all. Both are a fold: create, add, merge, and results in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, get_type_hints

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.codec import check_type, check_value, is_flat
from recsys_lab.flink.functions import ProcessWindowFunction, method_of, needs_opening
from recsys_lab.flink.windows import TimeWindow

NO_ACCUMULATOR = "it gave nothing (None) as its accumulator. Return it."


class Fold(NamedTuple):
    """create: an empty accumulator, or None where the first value is the accumulator. window_function: makes
    results of (key, window, elements), or None where `result` is all that a firing gives. in_context: it is a
    ProcessWindowFunction's `process`, which takes a context and may yield to side outputs. elements: whether
    the accumulator is the list of all elements. types: classes in an accumulator beside plain data. flat: whether
    it is declared to be a scalar, or a tuple or list of scalars. functions: as given, what folds and what makes
    results; those that are objects with an `open` are opened and closed with the operator.
    """

    create: Callable[[], Any] | None
    add: Callable[[Any, Any], Any]
    merge: Callable[[Any, Any], Any]
    result: Callable[[Any], Any]
    window_function: Callable[[Any, Any, Any], Iterable[Any]] | None
    in_context: bool
    elements: bool
    types: tuple[type, ...]
    flat: bool = False
    functions: tuple[Any, Any] = (None, None)

    def opened(self, runtime_context: Any, owner: Any = None) -> Fold:
        """With its functions open. runtime_context: for the window function, whose state is that of the key that
        fires; `owner` is told which that is. What folds gets none: elements of many keys are folded at once.
        """
        folds, makes = self.functions
        if needs_opening(folds):
            folds.open(None)
        if not needs_opening(makes):
            return self
        makes.open(runtime_context)
        window_function = self.window_function
        if owner is None or window_function is None:
            return self

        def of_key(key: Any, place: Any, elements: Any) -> Iterable[Any]:
            owner.key = key
            return window_function(key, place, elements)

        return self._replace(window_function=of_key)

    def close(self) -> None:
        """Close what was opened."""
        for function in self.functions:
            if needs_opening(function):
                function.close()

    def grown(self, value: Any, held: Any) -> Any:
        """The accumulator with one more value in it. held: None when there is none yet. Raises TypeError when the
        function gives none.
        """
        if held is None:
            held = value if self.create is None else self.add(value, self.create())
        else:
            held = self.add(value, held)
        if held is None:
            raise TypeError(NO_ACCUMULATOR)
        return held

    def results(self, key: Any, window: TimeWindow, accumulator: Any, owner: Any) -> Iterable[Any]:
        """What one window of one key gives when it fires now."""
        result = self.result(accumulator)
        if self.window_function is None:
            return (result,)
        place = ProcessWindowFunction.Context(window, owner.watermark, owner.now) if self.in_context else window
        given = self.window_function(key, place, result if self.elements else [result])
        if given is None or isinstance(given, (str, dict)):
            raise TypeError(f"it gave {shorten(given)}; an iterable of results is needed, such as [result].")
        return given


def reducing(function: Any, window_function: Any = None, types: tuple[type, ...] = ()) -> Fold:
    """Keep the reduction of all values."""
    reduce = method_of(function, "reduce")
    return Fold(
        None,
        lambda value, held: reduce(held, value),
        reduce,
        _same,
        *_window_function(window_function),
        False,
        types,
        functions=(function, window_function),
    )


def aggregating(function: Any, window_function: Any = None, declared: Any = None) -> Fold:
    """Keep an AggregateFunction's accumulator. declared: its type; what `create_accumulator` says or gives, if not
    told. Raises JobError when it cannot be saved.
    """
    for method in ("create_accumulator", "add", "get_result", "merge"):
        if isinstance(function, type) or not callable(getattr(function, method, None)):
            raise JobError(f"{shorten(function)} cannot aggregate; an AggregateFunction is needed, with `{method}`.")
    name = f"accumulator of {type(function).__name__}"
    found = check_type(name, declared) or check_value(name, function.create_accumulator())
    types = (found,) if found else ()
    return Fold(
        function.create_accumulator,
        function.add,
        function.merge,
        function.get_result,
        *_window_function(window_function),
        False,
        types,
        is_flat(declared or _declared(function.create_accumulator)),
        (function, window_function),
    )


def _declared(create: Callable[[], Any]) -> Any:
    """What `create_accumulator` says that it returns, if it says so."""
    try:
        return get_type_hints(create).get("return")
    except (NameError, TypeError, AttributeError):
        return None


def collecting(window_function: Any, types: tuple[type, ...] = ()) -> Fold:
    """Keep all elements."""
    made = _window_function(window_function)
    return Fold(list, _append, _concatenate, list, *made, True, types, functions=(None, window_function))


def _window_function(function: Any) -> tuple[Callable[[Any, Any, Any], Iterable[Any]] | None, bool]:
    if function is None:
        return None, False
    if callable(getattr(function, "process", None)):
        return function.process, True
    return method_of(function, "apply"), False


def _append(value: Any, held: list[Any]) -> list[Any]:
    held.append(value)
    return held


def _concatenate(first: list[Any], second: list[Any]) -> list[Any]:
    return first + second


def _same(accumulator: Any) -> Any:
    return accumulator
