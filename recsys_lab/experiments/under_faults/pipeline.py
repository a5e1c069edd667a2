"""One pipeline from end to end, and a schedule of crashes for it.

    a log of visits → work on each → count by user → a sink

It is a job of the lab's own dataflow engine: the log is an `EventStream`, the state is checkpointed, and a crash
is an error that ends a life of the job. Operators, state and open transactions are thrown away, and the restart
strategy opens the next life from the last complete checkpoint. Time is a simulated clock that the work itself turns.

What the pipeline promises is decided by three things: where the source goes on after a crash, whether there are
checkpoints, and when the sink shows a result.

    at-most-once     no checkpoints; a batch counts as read as soon as it is polled     a plain sink
    at-least-once    checkpoints; the source goes back to the last one                  a plain sink
    keyed-writes     the same                                                           a plain sink that overwrites
    exactly-once     the same                                                           a transactional sink
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import InvalidEvent, JobError, shorten
from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.flink import (
    FlinkStreamProcessor,
    KeyedProcessFunction,
    ListSink,
    Records,
    RestartStrategies,
    Source,
    SplitReader,
    StreamSource,
    ValueStateDescriptor,
)
from recsys_lab.streams import EventStream

GUARANTEES = ("at-most-once", "at-least-once", "keyed-writes", "exactly-once")

POINTS = ("polled", "record", "processed", "sent", "prepared", "committing", "committed")
"""Where a life can end: the batch is in hand; one of its records has been worked on; all have; the sink has them;
the transaction is closed but the checkpoint is not written; the checkpoint is complete but the sink was not told;
all is done and the next batch is not yet polled. (At most once commits before it works: there the last comes second.)
"""

USERS = ("ann", "bob", "cas", "dee", "eve", "fay")

MOST_RESTARTS = 1_000


class PowerCut(JobError):
    """What ends a life of the job."""


class Crash(NamedTuple):
    """One crash: at this point of the batch that holds this record (from 0); "record" means: of this very record."""

    point: str
    record: int


class Result(NamedTuple):
    """What the sink gets for a visit: its number in the log, the user, and how many visits of the user that makes."""

    number: int
    user: str
    visits: int


class Moment(NamedTuple):
    """Something that happened. what: worked, checkpoint, or one of POINTS for a crash. record: the one at hand."""

    second: float
    life: int
    what: str
    record: int


class Outcome(NamedTuple):
    """What came of a run. results: what the sink shows in the end. worked: how often each record was worked on."""

    results: list[Result]
    worked: Counter[int]
    moments: list[Moment]
    seconds: float

    @property
    def crashes(self) -> int:
        """How many crashes really came."""
        return sum(moment.what in POINTS for moment in self.moments)


def a_log(records: int) -> EventStream:
    """A log of visits, of six users in turn and out of turn."""
    log = EventStream("visits", max_size=max(1, records))
    clock = SimulatedClock()
    for number in range(records):
        user = USERS[(number * number + number // 7) % len(USERS)]
        log.publish(
            UserInteractionEvent(
                event_id=f"evt-{number:06d}", timestamp=clock.now(), user_id=user, item_id="lamp",
                interaction_type="view", context={"number": number},
            )
        )  # fmt: skip
        clock.advance(timedelta(seconds=1))
    return log


def true_results(log: EventStream) -> list[Result]:
    """What the sink should show, by counting the log from its first event to its last."""
    counts: Counter[str] = Counter()
    results = []
    for number, event in enumerate(log.get_recent_events(log.max_size)):
        user = str(event.user_id)
        counts[user] += 1
        results.append(Result(number, user, counts[user]))
    return results


def run_pipeline(
    log: EventStream,
    guarantee: str,
    crashes: Iterable[Crash] = (),
    *,
    every: int = 20,
    batch: int = 5,
    record_seconds: float = 1.0,
    checkpoint_seconds: float = 0.0,
    restart_seconds: float = 5.0,
) -> Outcome:
    """Run the pipeline over the log to its end, through all crashes of the schedule.

    guarantee: one of GUARANTEES. every: records between two checkpoints. batch: records polled at once; checkpoints
    lie between batches. record_seconds, checkpoint_seconds, restart_seconds: what work, a checkpoint and a restart
    take, on the simulated clock. Raises InvalidEvent for an unknown guarantee or crash point.
    """
    if guarantee not in GUARANTEES:
        raise InvalidEvent(f"guarantee is {shorten(guarantee)}; one of {', '.join(GUARANTEES)} is needed.")
    forgets = guarantee == "at-most-once"
    watch = _Watch(crashes, 0 if forgets else every, record_seconds, checkpoint_seconds)
    processor = FlinkStreamProcessor(
        2,
        checkpoint_interval=None,
        checkpoint_every=None if forgets else every,
        batch_size=batch,
        clock=watch.clock,
        restart_strategy=RestartStrategies.fixed_delay_restart(MOST_RESTARTS, timedelta(seconds=restart_seconds)),
    )
    visits = processor.add_source(_Polled(StreamSource(log), watch, commits_on_poll=forgets))
    results = visits.map(watch.work).key_by(_user_of).process(_Count())
    shown: list[Result] = []
    store: dict[int, Result] = {}
    transactional = ListSink()
    if guarantee == "exactly-once":
        results.sink_to(transactional)
    elif guarantee == "keyed-writes":
        results.sink(lambda result: store.__setitem__(result.number, result))
    else:
        results.sink(shown.append)
    results.sink_to(watch)  # behind the real sink: what it notes, the sink has
    processor.execute("visits by user")
    return Outcome([*shown, *store.values(), *transactional], watch.worked, watch.moments, watch.seconds)


class _Watch:
    """The schedule, the clock, and the notes of a run. Beside that a sink that keeps nothing, told of each commit."""

    def __init__(self, crashes: Iterable[Crash], every: int, record_seconds: float, checkpoint_seconds: float) -> None:
        self._due = list(crashes)
        for crash in self._due:
            if crash.point not in POINTS:
                raise InvalidEvent(f"crash is {shorten(crash.point)}; one of {', '.join(POINTS)} is needed.")
        self.clock = SimulatedClock()
        self._start = self.clock.now()
        self._every = every
        self._record, self._checkpoint = timedelta(seconds=record_seconds), timedelta(seconds=checkpoint_seconds)
        self.batch = (-1, -1)  # first and last record of the batch at hand
        self.worked: Counter[int] = Counter()
        self.moments: list[Moment] = []
        self._life = 1
        self._new = False  # whether there was work since the last checkpoint

    @property
    def seconds(self) -> float:
        return (self.clock.now() - self._start).total_seconds()

    def reached(self, point: str, span: tuple[int, int] | None = None) -> None:
        """Raise PowerCut when the schedule has a crash here, once for each. span: records, else the batch at hand."""
        first, last = self.batch if span is None else span
        for crash in self._due:
            if crash.point == point and first <= crash.record <= last:
                self._due.remove(crash)
                self._note(point, last)
                self._life += 1
                raise PowerCut(f"power cut: {point}, at record {last}")

    def work(self, event: StreamEvent) -> tuple[int, str]:
        """What is done with each record; it takes its time."""
        assert isinstance(event, UserInteractionEvent)
        number = int(event.context["number"])
        self.clock.advance(self._record)
        self.worked[number] += 1
        self._note("worked", number)
        self.reached("record", (number, number))
        if number == self.batch[1]:
            self.reached("processed")
        return number, event.user_id

    def _note(self, what: str, record: int) -> None:
        self.moments.append(Moment(round(self.seconds, 3), self._life, what, record))

    # -- as a sink --

    def begin(self, prepared: list[Any] | None) -> None:
        self._new = False

    def write(self, values: Sequence[Any]) -> None:
        self._new = True
        self.reached("sent")

    def pre_commit(self) -> Any:
        if not self._new or not self._every:  # the job ends with a commit, also without checkpoints, or after one
            return self.batch[1]
        self._new = False
        self.clock.advance(self._checkpoint)
        self.reached("prepared", self._covered(self.batch[1]))
        self._note("checkpoint", self.batch[1])
        return self.batch[1]

    def commit(self, prepared: Any) -> None:
        self.reached("committing", self._covered(prepared))

    def close(self) -> None:
        pass

    def _covered(self, last: int) -> tuple[int, int]:
        """The records of a transaction that ends with this one."""
        return last - self._every + 1, last


class _Polled:
    """A source that tells the watch of each batch. commits_on_poll: it never goes back behind a batch it has given."""

    def __init__(self, source: Source, watch: _Watch, *, commits_on_poll: bool) -> None:
        self.name = source.name
        self.source, self.watch, self.commits_on_poll = source, watch, commits_on_poll
        self.committed: Any = None

    def splits(self) -> list[str]:
        return self.source.splits()

    def open(self, split: str, offset: Any) -> SplitReader:
        return _PolledReader(self, self.source.open(split, self.committed if self.commits_on_poll else offset))


class _PolledReader:
    def __init__(self, polled: _Polled, reader: SplitReader) -> None:
        self._polled, self._reader = polled, reader

    @property
    def offset(self) -> Any:
        return self._reader.offset

    def read(self, most: int) -> Records:
        polled, watch = self._polled, self._polled.watch
        if not polled.commits_on_poll:
            watch.reached("committed")
        first = self.offset
        records = self._reader.read(most)
        if records.values:
            watch.batch = first, self.offset - 1
            watch.reached("polled")
            if polled.commits_on_poll:
                polled.committed = self.offset
                watch.reached("committed")
        return records

    def close(self) -> None:
        self._reader.close()


class _Count(KeyedProcessFunction):
    """The so-many-th visit of this user."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", int))

    def process_element(self, value: tuple[int, str], ctx: Any) -> Iterable[Result]:
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        yield Result(*value, count)


def _user_of(record: tuple[int, str]) -> str:
    return record[1]
