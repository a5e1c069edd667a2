"""The "now you" checks of notebook 05."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.on_flink.morning import MINUTE, Visit, a_morning, timed, user_of, visit
from recsys_lab.experiments.on_flink.two_readers import ISOLATION, Killed
from recsys_lab.flink import (
    ApacheFlink,
    DataStream,
    EventTimeSessionWindows,
    FlinkStreamProcessor,
    GlobalWindows,
    ListSink,
    RestartStrategies,
    SlidingEventTimeWindows,
    TimeWindow,
    TumblingEventTimeWindows,
    WindowAssigner,
    moment_of,
)
from recsys_lab.study.report import NotAttempted, Report, expect, expect_kind, given, judge

READERS: Mapping[str, bool] = {"screen": True, "invoices": False}
"""Whether this reader may see a result twice; one that may wants it as soon as it can be had."""

DAY = 24 * 60 * MINUTE
OPENING = 4 * 60 * MINUTE
KNOWN = (TumblingEventTimeWindows, SlidingEventTimeWindows, EventTimeSessionWindows, GlobalWindows)

NIGHTS = [
    visit("ann", "03:59"),
    visit("ann", "04:00"),
    visit("bob", "12:00"),
    visit("ann", "23:59"),
    visit("ann", "27:30"),  # half past three at night
    visit("bob", "26:40"),
    visit("bob", "28:00"),
    visit("ann", "40:00"),
]
"""Visits of three days of the shop, some of them at night; times are hours since the first midnight."""


def isolation(answer: Any, killed: Killed) -> Report:
    """The isolation level for each of READERS, by what was measured.

    answer: reader → "read_committed" or "read_uncommitted". killed: of `experiments.kill_task_manager`.
    """

    def check(choice: Any) -> str:
        expect_kind(choice, dict, "a dict from reader to isolation level")
        if any(choice.get(reader, ...) is ... for reader in READERS):
            raise NotAttempted
        levels = {level: name for name, level in ISOLATION.items()}
        waits = _median_wait(killed)
        for reader, may_double in READERS.items():
            chosen = choice[reader]
            expect(chosen in levels, f"{reader}: {shorten(chosen)} is none of {', '.join(levels)}.")
            seen = killed.seen.loc[killed.seen["reader"] == levels[chosen], "value"]
            doubled = int((seen.value_counts() > 1).sum())
            expect(may_double or not doubled, f"{reader}: with {chosen} {doubled} results came twice in our run.")
            expect(
                not may_double or levels[chosen] == "all",
                f"{reader}: with {chosen} half of the results came more than {waits:.1f} s later in our run; "
                "to see one twice does no harm here.",
            )
        return "the screen is early, the invoices are right: one topic, and each reader chooses."

    return judge(check, answer)


def counts_that_survive(answer: Any, cluster: Any = None) -> Report:
    """A function from a stream of visits to a stream of (user, how many visits of that user so far), one for each.

    It is run on one subtask and on four, with a crash at each record, and on a cluster. cluster: a LocalFlink, which is
    started again where it was stopped; None leaves that one out.
    """

    def check(build: Callable[[DataStream], Any]) -> str:
        visits = a_morning()
        right = _running_counts(visits)
        for parallelism in (1, 4):
            _compare(f"on {parallelism} subtask{'s' * (parallelism > 1)}", _counted(build, visits, parallelism), right)
        for at in range(1, len(visits) + 1):
            _compare(f"after a crash at record {at}", _counted(build, visits, 2, dies_at=at), right)
        if cluster is None:
            return "right on one subtask and on four, and after a crash at any record."
        there = _counted(build, visits, 2, runtime=ApacheFlink(cluster.start().address))
        _compare("on Apache Flink", there, right)
        return "right on one subtask and on four, after a crash at any record, and on Apache Flink."

    return judge(check, answer)


def shop_days(answer: Any) -> Report:
    """A window assigner that Apache Flink knows, whose windows are the days of a shop that closes at four at night."""

    def check(assigner: Any) -> str:
        expect_kind(assigner, WindowAssigner, "a window assigner")
        expect(
            type(assigner) in KNOWN,
            f"{type(assigner).__name__} is an assigner of your own, which Apache Flink doesn't know.",
        )
        processor = FlinkStreamProcessor(2, checkpoint_interval=None)
        windows = timed(processor, NIGHTS, timedelta(hours=1)).key_by(user_of).window(assigner)
        results = windows.apply(_day_of_user).execute_and_collect()
        right = Counter((each["user"], _opens(each["time"])) for each in NIGHTS)
        for (user, start), count in right.items():
            said = [number for who, when, number in results if (who, when) == (user, start)]
            what = f"{user}'s day that begins on {_dated(start)} has {count} visit{'s' * (count > 1)}"
            expect(bool(said), f"{what}, and yours has no window that begins then.")
            expect(said == [count], f"{what}, and yours says {' and '.join(map(str, said))}.")
        expect(len(results) == len(right), f"yours has {len(results)} windows, and there are {len(right)} days.")
        return "a visit at half past three counts in the day before, and Apache Flink knows how."

    return judge(check, answer)


def _median_wait(killed: Killed) -> float:
    """By how much a committed result came later than it could be seen at first, in seconds."""
    first = killed.seen.groupby(["value", "reader"])["seconds"].min().unstack()
    return float((first["committed"] - first["all"]).median())


def _running_counts(visits: list[Visit]) -> Counter[tuple[str, int]]:
    """What is asked for, from a list that is there as a whole."""
    so_far: Counter[str] = Counter()
    right: Counter[tuple[str, int]] = Counter()
    for each in visits:
        so_far[each["user"]] += 1
        right[each["user"], so_far[each["user"]]] += 1
    return right


def _counted(
    build: Callable[[DataStream], Any],
    visits: list[Visit],
    parallelism: int,
    *,
    dies_at: int = 0,
    runtime: Any = "local",
) -> list[Any]:
    """What the answer's stream came to. dies_at: the record at which the job fails once; 0 for none."""
    left = {dies_at} - {0}

    def power_cut(numbered: tuple[int, Visit]) -> Visit:
        number, record = numbered
        if number in left:
            left.discard(number)
            raise RuntimeError(f"power cut at record {number}")
        return record

    processor = FlinkStreamProcessor(
        parallelism,
        checkpoint_interval=None,
        checkpoint_every=3 if dies_at else None,
        batch_size=1 if dies_at else 2_048,
        restart_strategy=RestartStrategies.fixed_delay_restart(1, 0),
    )
    source = processor.add_source(list(enumerate(visits, start=1)), name="visits") if dies_at else None
    stream = source.map(power_cut) if source is not None else processor.add_source(visits, name="visits")
    made = given(build(stream))
    expect_kind(made, DataStream, "the stream of counts")
    results = ListSink()
    made.sink_to(results)
    processor.execute("your counts", runtime=runtime)
    return list(results)


def _compare(situation: str, results: list[Any], right: Counter[tuple[str, int]]) -> None:
    for result in results:
        fits = isinstance(result, (tuple, list)) and len(result) == 2
        expect(fits, f"{situation}: it gave {shorten(result)}; (user, count) is needed.")
    found = Counter(tuple(result) for result in results)
    users = sorted({user for user, _ in right})
    for user in users:
        wanted, said = (sorted(n for (who, n) in counts.elements() if who == user) for counts in (right, found))
        expect(wanted == said, f"{situation}: {user}'s counts are {shorten(said)}, and {wanted} is right.")
    expect(found == right, f"{situation}: it tells of {shorten(next(iter(found - right), None))}, who was not there.")


def _opens(time: int) -> int:
    """When the shop's day began to which this moment belongs."""
    return time - (time - OPENING) % DAY


def _day_of_user(user: str, window: TimeWindow, inside: Iterable[Visit]) -> list[tuple[str, int, int]]:
    return [(user, window.start, len(list(inside)))]


def _dated(milliseconds: int) -> str:
    return f"{moment_of(milliseconds):%-d %B at %H:%M}"
