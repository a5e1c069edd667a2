"""Patterns over events (CEP): "viewed three times, no purchase within half an hour".

A pattern is a row of stages, each with a name and a condition. How strictly one follows the other is said between
them: `next` allows nothing in between; `followed_by` skips what doesn't fit and takes the first that does;
`followed_by_any` skips even what fits, so that one beginning can have several ends. A stage may repeat
(`times`, `one_or_more`), may be missing (`optional`), or may be forbidden (`not_next`, `not_followed_by`). Events of
a key are matched in the order of their timestamps, as far as the watermark has come. The rules are Apache Flink's
("FlinkCEP - Complex event processing"); how they are worked is in `matching`.

    views = Pattern.begin("views").where(lambda e: e["type"] == "view").times(3)
    nudge = views.not_followed_by("bought").where(lambda e: e["type"] == "purchase").within(timedelta(minutes=30))
    CEP.pattern(stream.key_by(user), nudge).select(lambda match: match["views"][0]["user"])
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from recsys_lab.errors import JobError, shorten
from recsys_lab.flink.codec import check_type
from recsys_lab.flink.durations import duration_ms
from recsys_lab.flink.functions import OutputTag
from recsys_lab.flink.streams import DataStream, KeyedStream

STRICT, RELAXED, ANY = "next", "followed_by", "followed_by_any"
NOT_NEXT, NOT_FOLLOWED_BY = "not_next", "not_followed_by"
ENDLESS = 10**9

Match = dict[str, list[Any]]
"""Events by the name of their stage, in order."""

Condition = Callable[[Any, Callable[[], Match]], bool]


@dataclass(frozen=True)
class Stage:
    """One stage. how: what it allows between itself and what stands before. least, most: repetitions.
    between: what it allows between its repetitions.
    """

    name: str
    how: str
    conditions: tuple[tuple[Condition, ...], ...] = ((),)  # any of these, each of which needs all of its parts
    least: int = 1
    most: int = 1
    optional: bool = False
    between: str = RELAXED

    @property
    def is_negative(self) -> bool:
        """Whether it says what must not come."""
        return self.how in (NOT_NEXT, NOT_FOLLOWED_BY)

    def fits(self, event: Any, so_far: Callable[[], Match]) -> bool:
        """Whether an event fulfils its condition."""
        return any(all(part(event, so_far) for part in parts) for parts in self.conditions)


@dataclass(frozen=True)
class AfterMatchSkipStrategy:
    """What a match does to others that overlap it. kind: as the makers are called; name: of a stage."""

    kind: str
    name: str | None = None

    @classmethod
    def no_skip(cls) -> AfterMatchSkipStrategy:
        """Every match counts: the default."""
        return cls("no_skip")

    @classmethod
    def skip_to_next(cls) -> AfterMatchSkipStrategy:
        """Forget other matches that begin with the same event."""
        return cls("skip_to_next")

    @classmethod
    def skip_past_last_event(cls) -> AfterMatchSkipStrategy:
        """Forget all that began before the match was over."""
        return cls("skip_past_last_event")

    @classmethod
    def skip_to_first(cls, name: str) -> AfterMatchSkipStrategy:
        """Forget all that began before the first event of that stage."""
        return cls("skip_to_first", name)

    @classmethod
    def skip_to_last(cls, name: str) -> AfterMatchSkipStrategy:
        """Forget all that began before the last event of that stage."""
        return cls("skip_to_last", name)


@dataclass(frozen=True)
class Pattern:
    """A row of stages. Every method gives a new pattern; `where` and the like refine its last stage."""

    stages: tuple[Stage, ...]
    skip: AfterMatchSkipStrategy = field(default_factory=AfterMatchSkipStrategy.no_skip)
    window_ms: int | None = None

    @classmethod
    def begin(cls, name: str, skip: AfterMatchSkipStrategy | None = None) -> Pattern:
        """The first stage, which any event may begin."""
        return cls((), skip or AfterMatchSkipStrategy.no_skip())._with_stage(name, ANY)

    def where(self, condition: Callable[..., bool]) -> Pattern:
        """The stage takes events for which f(event) is true; or f(event, match so far). Several: all must be."""
        check = _condition(condition)
        return self._refined(conditions=tuple((*parts, check) for parts in self.stages[-1].conditions))

    def or_where(self, condition: Callable[..., bool]) -> Pattern:
        """Or events for which this is true."""
        return self._refined(conditions=(*self.stages[-1].conditions, (_condition(condition),)))

    def next(self, name: str) -> Pattern:
        """The very next event."""
        return self._with_stage(name, STRICT)

    def followed_by(self, name: str) -> Pattern:
        """The next event that fits."""
        return self._with_stage(name, RELAXED)

    def followed_by_any(self, name: str) -> Pattern:
        """Any later event that fits, each making a match of its own."""
        return self._with_stage(name, ANY)

    def not_next(self, name: str) -> Pattern:
        """The very next event must not fit."""
        return self._with_stage(name, NOT_NEXT)

    def not_followed_by(self, name: str) -> Pattern:
        """No event that fits may come before the next stage; at the end of a pattern: before `within` is over."""
        return self._with_stage(name, NOT_FOLLOWED_BY)

    def times(self, least: int, most: int | None = None) -> Pattern:
        """So many events, or from `least` to `most`; others may come between, unless `consecutive`."""
        for name, value in (("times", least), ("times", least if most is None else most)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise JobError(f"{name} is {shorten(value)}; a whole number from 1 is needed. For none, use optional.")
        if most is not None and most < least:
            raise JobError(f"times is {least} to {most}; the first number must not be above the second.")
        return self._repeated(least, least if most is None else most)

    def times_or_more(self, least: int) -> Pattern:
        """So many events or more."""
        return self._repeated(self.times(least).stages[-1].least, ENDLESS)

    def one_or_more(self) -> Pattern:
        """One event or more: a match for each number of them."""
        return self._repeated(1, ENDLESS)

    def optional(self) -> Pattern:
        """The stage may be missing. Not beside one that says what must not come: make two patterns of that."""
        if any(stage.is_negative for stage in self.stages[-2:]):
            raise JobError(f"stage {self.stages[-1].name!r} cannot be optional behind what must not come.")
        return self._refined(optional=True)

    def consecutive(self) -> Pattern:
        """Nothing may come between the repetitions."""
        return self._refined(between=STRICT)

    def allow_combinations(self) -> Pattern:
        """Between the repetitions even events that fit may be skipped."""
        return self._refined(between=ANY)

    def within(self, duration: Any) -> Pattern:
        """The last event comes less than this (timedelta or ms) after the first."""
        return replace(self, window_ms=duration_ms("within", duration, least=1))

    def _with_stage(self, name: str, how: str) -> Pattern:
        if not isinstance(name, str) or not name or any(name == stage.name for stage in self.stages):
            raise JobError(f"stage name {shorten(name)} is empty or taken; each stage needs a name of its own.")
        if how in (NOT_NEXT, NOT_FOLLOWED_BY) and (not self.stages or self.stages[-1].optional):
            raise JobError(
                f"{how}({name!r}) stands behind {'a stage that may be missing' if self.stages else 'nothing'}; "
                "it needs an event before it."
            )
        return replace(self, stages=(*self.stages, Stage(name, how)))

    def _refined(self, **changes: Any) -> Pattern:
        last = self.stages[-1]
        if last.is_negative and "conditions" not in changes:
            raise JobError(f"stage {last.name!r} says what must not come; it cannot repeat or be optional.")
        return replace(self, stages=(*self.stages[:-1], replace(last, **changes)))

    def _repeated(self, least: int, most: int) -> Pattern:
        return self._refined(least=least, most=most)


class CEP:
    """Where patterns meet streams."""

    @staticmethod
    def pattern(stream: DataStream, pattern: Pattern, *, event_type: Any = None) -> PatternStream:
        """The matches of a pattern, per key. event_type: the class of events, if they are not plain data.

        Raises JobError for a pattern that could never be decided.
        """
        if not isinstance(pattern, Pattern):
            raise JobError(f'pattern is {shorten(pattern)}; Pattern.begin("name") makes one.')
        _check(pattern)
        keyed = stream if isinstance(stream, KeyedStream) else stream.key_by(lambda event: None)
        found = check_type("event_type", event_type)
        return PatternStream(keyed, pattern, (found,) if found else ())


class PatternStream:
    """The matches of a pattern in a stream."""

    def __init__(self, stream: KeyedStream, pattern: Pattern, types: tuple[type, ...]) -> None:
        self._stream = stream
        self._pattern = pattern
        self._types = types
        self._late_tag: OutputTag | None = None

    def side_output_late_data(self, tag: OutputTag) -> PatternStream:
        """Send events that come behind the watermark to a side output, where they would be dropped else."""
        self._late_tag = tag
        return self

    def select(
        self,
        function: Callable[[Match], Any],
        *,
        timeout_tag: OutputTag | None = None,
        timeout_function: Callable[[Match, int], Any] | None = None,
    ) -> DataStream:
        """f(match) for each match. timeout_tag: where f(partial match, time) of those goes that ran out of time."""
        return self.flat_select(
            lambda match: (function(match),),
            timeout_tag=timeout_tag,
            timeout_function=None if timeout_function is None else lambda m, t: (timeout_function(m, t),),
        )

    def flat_select(
        self,
        function: Callable[[Match], Iterable[Any]],
        *,
        timeout_tag: OutputTag | None = None,
        timeout_function: Callable[[Match, int], Iterable[Any]] | None = None,
    ) -> DataStream:
        """The same for functions that give any number of results."""
        if not callable(function):
            raise JobError(f"select got {shorten(function)}; a function of a match is needed.")
        if timeout_tag is not None and self._pattern.window_ms is None:
            raise JobError("without `within`, nothing runs out of time; add it to the pattern.")
        return self._stream._then(
            "cep",
            function,
            pattern=self._pattern,
            types=self._types,
            late_tag=self._late_tag,
            timeout_tag=timeout_tag,
            timeout_function=timeout_function or (lambda match, time: (match,)),
            methods=(("process_element",),),
            keyed=True,
        )


def _condition(function: Callable[..., bool]) -> Condition:
    """A condition of (event, match so far), from a function of one or both."""
    if not callable(function):
        raise JobError(f"condition is {shorten(function)}; a function of an event is needed.")
    try:
        wanted = [
            p
            for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):  # a built-in that doesn't say
        wanted = []
    if len(wanted) == 2:
        return lambda event, so_far: bool(function(event, so_far()))
    return lambda event, so_far: bool(function(event))


def _check(pattern: Pattern) -> None:
    last = pattern.stages[-1]
    if last.how == NOT_FOLLOWED_BY and pattern.window_ms is None:
        raise JobError(
            f"the pattern ends with not_followed_by({last.name!r}), which is never over; say within what time."
        )
    if pattern.skip.name is not None and pattern.skip.name not in {s.name for s in pattern.stages if not s.is_negative}:
        raise JobError(f"skip strategy names {pattern.skip.name!r}, which is no stage of the pattern.")
    if all(stage.optional or stage.is_negative for stage in pattern.stages):
        raise JobError("every stage of the pattern may be missing; at least one must not be optional.")
