"""Matching patterns: all partial matches at once, each a row of events and a place in the pattern.

An event meets every partial match, and may be *taken* (the match grows), *ignored* (it waits on), both (then there
are two), or neither (it dies); what is forbidden *stops* it. A stage that has what it needs lets the same event be
tried on the stages behind it. These are the edges of Apache Flink's NFA, in its terms: TAKE, IGNORE, PROCEED and
stop states. A new match may begin with every event.

`Matcher` is the pattern as a machine, and holds nothing. `PatternFunction` is a process function around it: what it
remembers of each key is keyed state, what it waits for are timers. So it runs wherever process functions run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from recsys_lab.errors import JobError
from recsys_lab.flink.cep import ANY, NOT_FOLLOWED_BY, NOT_NEXT, RELAXED, Match, Pattern, Stage
from recsys_lab.flink.copies import independent
from recsys_lab.flink.functions import Context, KeyedProcessFunction, OperatorFailed, OutputTag, RuntimeContext
from recsys_lab.flink.state import MapStateDescriptor, ValueStateDescriptor
from recsys_lab.flink.watermarks import MAX_WATERMARK


class Partial(NamedTuple):
    """A match under way. stage: that it is in, or waits to enter. taken: repetitions of it. fresh: whether nothing
    was ignored since the last event taken. start: timestamp and number of its first event. events: (stage,
    number of the event, event) of all taken.
    """

    stage: int
    taken: int
    fresh: bool
    start: tuple[int, int]
    events: tuple[tuple[int, int, Any], ...]


class Matcher:
    """The pattern as a machine; it holds no state. `advance` gives what one event does to one partial match."""

    def __init__(self, pattern: Pattern) -> None:
        self.stages = [stage for stage in pattern.stages if not stage.is_negative]
        self.forbidden: list[list[Stage]] = [[] for _ in range(len(self.stages) + 1)]  # before each stage; at the end
        self.forbidden_next: list[list[Stage]] = [[] for _ in range(len(self.stages) + 1)]
        place = 0
        for stage in pattern.stages:
            if stage.how == NOT_FOLLOWED_BY:
                self.forbidden[place].append(stage)
            elif stage.how == NOT_NEXT:
                self.forbidden_next[place].append(stage)
            else:
                place += 1
        self.end = len(self.stages)

    def names(self, events: tuple[tuple[int, int, Any], ...]) -> Match:
        """Events by the name of their stage."""
        match: Match = {}
        for stage, _, event in events:
            match.setdefault(self.stages[stage].name, []).append(event)
        return match

    def is_complete_in_time(self, partial: Partial) -> bool:
        """Whether it is a match when its time is over: nothing but the absence of something was missing."""
        if not self.forbidden[self.end]:
            return False
        if partial.stage == self.end:
            return True
        stage = self.stages[partial.stage]
        enough = partial.taken >= stage.least if partial.taken else stage.optional
        return enough and partial.fresh and all(later.optional for later in self.stages[partial.stage + 1 :])

    def advance(self, partial: Partial | None, event: Any, at: tuple[int, int]) -> Outcome:
        """partial: None for a match that begins with this event. at: the event's timestamp and number."""
        outcome = Outcome(self, partial, event, at)
        if partial is None:
            outcome.enter(0, True)
        elif partial.taken:
            outcome.repeat(partial.stage, partial.taken, partial.fresh)
        else:
            outcome.enter(partial.stage, partial.fresh)
        return outcome

    def only_optional_after(self, stage: int) -> bool:
        """Whether nothing more is needed from that stage on."""
        waits = any(self.forbidden[i] or self.forbidden_next[i] for i in range(stage, self.end + 1))
        return not waits and all(self.stages[i].optional for i in range(stage, self.end))


class Outcome:
    """What an event does to one partial match. The methods are the edges that may be followed from a stage.

    next: what it becomes. matches: what is complete by it. stopped: whether it must not be.
    """

    def __init__(self, matcher: Matcher, partial: Partial | None, event: Any, at: tuple[int, int]) -> None:
        self.matcher, self.stages = matcher, matcher.stages
        self.partial, self.event, self.at = partial, event, at
        self.events = () if partial is None else partial.events
        self.known: dict[int, bool] = {}
        self.next: list[Partial] = []
        self.matches: list[Partial] = []
        self.stopped = False

    def fits(self, stage: Stage) -> bool:
        """Whether the event is what the stage asks for; asked once, as the condition is the user's."""
        if id(stage) not in self.known:
            self.known[id(stage)] = stage.fits(self.event, lambda: self.matcher.names(self.events))
        return self.known[id(stage)]

    def enter(self, stage: int, fresh: bool) -> None:
        """Try the event on a stage that nothing was taken for yet."""
        if fresh and self.matcher.forbidden_next[stage]:
            if any(map(self.fits, self.matcher.forbidden_next[stage])):
                self.stopped = True
                return
            if stage == self.matcher.end:
                assert self.partial is not None
                self.matches.append(self.partial)
                return
        if any(map(self.fits, self.matcher.forbidden[stage])):
            self.stopped = True
        if stage == self.matcher.end:
            self.ignore(stage, 0)
            return
        wanted = self.stages[stage]
        suits = self.fits(wanted)
        if suits:
            self.take(stage, 1)
        if wanted.how == ANY or (wanted.how == RELAXED and not suits):
            self.ignore(stage, 0)
        if wanted.optional and fresh:
            self.enter(stage + 1, True)

    def repeat(self, stage: int, taken: int, fresh: bool) -> None:
        """A stage that may take more: it takes, or ignores, or lets the stages behind it try."""
        wanted = self.stages[stage]
        if any(map(self.fits, self.matcher.forbidden[stage + 1])):
            self.stopped = True
        suits = self.fits(wanted)
        if suits:
            self.take(stage, taken + 1)
        if wanted.between == ANY or (wanted.between == RELAXED and not suits):
            self.ignore(stage, taken)
        if fresh and taken >= wanted.least:
            self.enter(stage + 1, True)

    def take(self, stage: int, taken: int) -> None:
        """The match grows by the event, which is the stage's so-and-so-many-th."""
        start = self.at if self.partial is None else self.partial.start
        again = taken < self.stages[stage].most
        place, count = (stage, taken) if again else (stage + 1, 0)
        grown = Partial(place, count, True, start, (*self.events, (stage, self.at[1], self.event)))
        done = taken >= self.stages[stage].least and self.matcher.only_optional_after(stage + 1)
        if done:
            self.matches.append(grown)
        if not done or place < self.matcher.end:
            self.next.append(grown)

    def ignore(self, stage: int, taken: int) -> None:
        """The match waits on; one that has not begun does not."""
        if self.partial is not None:
            self.next.append(Partial(stage, taken, False, self.partial.start, self.events))


class PatternFunction(KeyedProcessFunction):
    """Matches a pattern per key. Events wait until the watermark passes them, and so are matched in order of time.

    operator: its name. select: what it makes of a match. options: of the node that `PatternStream` builds.
    Its states: "waiting" time → events; "progress" (partial matches, complete ones that an earlier partial one may
    still rule out, number of events so far). All timers that an event may need are set when it comes.
    """

    def __init__(self, operator: str, select: Callable[[Match], Iterable[Any]], options: dict[str, Any]) -> None:
        self.operator = operator
        self.select = select
        self.pattern: Pattern = options["pattern"]
        self.matcher = Matcher(self.pattern)
        self.skips = self.pattern.skip.kind != "no_skip"
        self.timeout_tag: OutputTag | None = options["timeout_tag"]
        self.timeout_function: Callable[[Match, int], Iterable[Any]] = options["timeout_function"]
        self.types: tuple[type, ...] = options["types"]

    def open(self, runtime_context: RuntimeContext) -> None:
        waiting, progress = MapStateDescriptor("waiting"), ValueStateDescriptor("progress")
        waiting.types, progress.types = self.types, (*self.types, Partial)
        self.waiting = runtime_context.get_map_state(waiting)
        self.progress = runtime_context.get_state(progress)

    def process_element(self, value: Any, ctx: Context) -> None:
        time = ctx.timestamp()
        assert time is not None
        self.waiting.put(time, [*(self.waiting.get(time) or ()), value])
        timers = ctx.timer_service()
        timers.register_event_time_timer(time)
        if self.pattern.window_ms is not None:
            timers.register_event_time_timer(time + self.pattern.window_ms)
        if self.skips:
            timers.register_event_time_timer(MAX_WATERMARK)

    def on_timer(self, timestamp: int, ctx: Context) -> Iterable[Any]:
        out: list[Any] = []
        partials, complete, number = self.progress.value() or ([], [], 0)
        partials, complete = self._out_of_time(partials, complete, timestamp, out)
        for event in self.waiting.get(timestamp) or ():
            number += 1
            partials, complete = self._met(partials, complete, event, (timestamp, number), out)
        self.waiting.remove(timestamp)
        if timestamp == MAX_WATERMARK:  # the stream is over: what waits for partial matches need not wait
            partials, complete = self._settled([], complete, [], out)
        is_under_way = bool(partials or complete)
        self.progress.update((partials, complete, number) if is_under_way else None)
        if self.skips and not is_under_way and self.waiting.is_empty():
            ctx.timer_service().delete_event_time_timer(MAX_WATERMARK)
        return out

    def _met(
        self, partials: list[Partial], complete: list[Partial], event: Any, at: tuple[int, int], out: list[Any]
    ) -> tuple[list[Partial], list[Partial]]:
        """One event meets all partial matches, and may begin one."""
        following: list[Partial] = []
        matches: list[Partial] = []
        for partial in (*partials, None):
            try:
                outcome = self.matcher.advance(partial, event, at)
            except JobError:
                raise
            except Exception as error:
                raise OperatorFailed(self.operator, event, error) from error
            matches += outcome.matches
            if not outcome.stopped:
                following += outcome.next
        return self._settled(following, complete, matches, out)

    def _settled(
        self, partials: list[Partial], complete: list[Partial], matches: list[Partial], out: list[Any]
    ) -> tuple[list[Partial], list[Partial]]:
        """Emit matches, those that overlap them pruned as the skip strategy says."""
        if not self.skips:
            for match in matches:
                self._emit(match, out)
            return partials, complete
        complete = sorted([*complete, *matches], key=_start)
        partials = sorted(partials, key=_start)
        while complete and not (partials and partials[0].start < complete[0].start):
            match, *complete = complete
            self._emit(match, out)
            kept = self._survives(match)
            complete, partials = list(filter(kept, complete)), list(filter(kept, partials))
        return partials, complete

    def _survives(self, match: Partial) -> Callable[[Partial], bool]:
        """Which others stay beside a match."""
        skip = self.pattern.skip
        if skip.kind == "skip_to_next":
            return lambda other: other.start[1] > match.start[1]
        if skip.kind == "skip_past_last_event":
            return lambda other: other.start[1] > match.events[-1][1]
        numbers = [number for stage, number, _ in match.events if self.matcher.stages[stage].name == skip.name]
        if not numbers:  # the stage is missing from this match: nothing to skip to, so nothing is skipped
            return lambda other: True
        target = numbers[0] if skip.kind == "skip_to_first" else numbers[-1]
        return lambda other: other.start[1] >= target

    def _out_of_time(
        self, partials: list[Partial], complete: list[Partial], time: int, out: list[Any]
    ) -> tuple[list[Partial], list[Partial]]:
        window_ms = self.pattern.window_ms
        if window_ms is None:
            return partials, complete
        late = [partial for partial in partials if time - partial.start[0] >= window_ms]
        if not late:
            return partials, complete
        matches = [partial for partial in late if self.matcher.is_complete_in_time(partial)]
        if self.timeout_tag is not None:
            for partial in late:
                if partial not in matches:
                    results = self.timeout_function(independent(self.matcher.names(partial.events)), time)
                    out += ((self.timeout_tag, result) for result in results)
        partials = [partial for partial in partials if time - partial.start[0] < window_ms]
        return self._settled(partials, complete, matches, out)

    def _emit(self, match: Partial, out: list[Any]) -> None:
        names = independent(self.matcher.names(match.events))  # other matches hold the same events
        try:
            out += self.select(names) or ()
        except JobError:
            raise
        except Exception as error:
            raise OperatorFailed(self.operator, names, error) from error


def _start(partial: Partial) -> tuple[int, int]:
    return partial.start
