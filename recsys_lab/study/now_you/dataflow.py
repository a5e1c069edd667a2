"""The "now you" checks of notebook 04."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.on_flink.lateness import Arrival, lateness
from recsys_lab.experiments.on_flink.morning import MINUTE, Visit, a_morning, at, told, user_of, visit, with_times
from recsys_lab.experiments.on_flink.stepping import Count, counted
from recsys_lab.flink import DataStream, FlinkStreamProcessor, RestartStrategies, TumblingEventTimeWindows
from recsys_lab.study.report import NotAttempted, Report, expect, expect_kind, given, judge

FIVE_MINUTES = 5 * MINUTE
DISORDER = MINUTE
CHOICES = (0, 30, 60, 120, 300, 600, 1200)
ENOUGH = 0.99

Window = tuple[str, int]
"""user, start in epoch ms"""


def windowed_count(answer: Any) -> Report:
    """A function from a stream of visits to a stream of (user, start of the window, visits in it).

    The stream has no timestamps yet; visits come at most a minute behind later ones; windows are of five minutes.
    """

    def check(build: Callable[[DataStream], Any]) -> str:
        for situation, visits in _streams():
            for parallelism in (1, 4):
                processor = FlinkStreamProcessor(parallelism, checkpoint_interval=None)
                stream = given(build(processor.add_source(visits, name="visits")))
                expect_kind(stream, DataStream, "the stream of results")
                results = stream.execute_and_collect()
                for result in results:
                    fits = isinstance(result, (tuple, list)) and len(result) == 3
                    expect(fits, f"{situation}: it gave {shorten(result)}; (user, start, count) is needed.")
                _compare(situation, [tuple(result) for result in results], _brute_force(visits))
        return (
            "equal to a count by brute force: in order, out of order, at the edge of a window, on 1 and on 4 subtasks."
        )

    return judge(check, answer)


def bound_and_lateness(answer: Any, stream: Sequence[Arrival]) -> Report:
    """The least bound with 99 % of the purchases in the first result; the least lateness that loses none of the rest.

    answer: {"bound": seconds, "lateness": seconds}, both of the lab's CHOICES. stream: of `experiments.arrivals`.
    """

    def check(choice: Any) -> str:
        expect_kind(choice, dict, "a dict with bound and lateness")
        bound, kept = choice.get("bound", ...), choice.get("lateness", ...)
        if bound is ... or kept is ...:
            raise NotAttempted
        for name, value in (("bound", bound), ("lateness", kept)):
            known = ", ".join(map(str, CHOICES))
            expect(value in CHOICES, f"{name} is {shorten(value)}; one of {known} (seconds) is needed.")
        table = lateness(stream, bounds=CHOICES, lateness=kept).set_index("bound")
        share = table["first"] / table["purchases"]
        expect(share[bound] >= ENOUGH, f"with a bound of {bound} s only {share[bound]:.1%} are in the first result.")
        least = int(share.index[share >= ENOUGH].min())
        expect(
            bound == least,
            f"with a bound of {bound} s the first results come {table['delay_s'][bound] / 60:.1f} min after their "
            "windows; a shorter one would do.",
        )
        late = int(table["late"][bound])
        expect(late == 0, f"{late} purchases still come too late, after {kept} s of allowed lateness.")
        shorter = [value for value in CHOICES if value < kept]
        if shorter:
            before = int(lateness(stream, bounds=[bound], lateness=shorter[-1])["late"].iloc[0])
            expect(before > 0, f"nothing is lost, but windows are kept for {kept} s; a shorter time would do.")
        delay = table["delay_s"][bound] / 60
        return f"{share[bound]:.1%} at once, {delay:.1f} min after the window; the rest as updates, none is lost."

    return judge(check, answer)


def writes_once(answer: Any) -> Report:
    """A function of a store (a dict) and a result (user, start, count), called by a plain sink.

    In the end `store[user, start]` must be the number of visits in the window: whatever was sent again after a
    crash, and whatever was corrected.
    """

    def check(write: Callable[[dict[Any, Any], tuple[str, int, int]], Any]) -> str:
        visits = a_morning()
        right = _brute_force(visits)
        for dies_at in (None, *range(1, len(visits) + 1)):
            store: dict[Any, Any] = {}
            _run_with_crash(visits, partial(_written, write, store), dies_at)
            life = "without any crash" if dies_at is None else f"after a crash at record {dies_at}"
            for (user, start), count in right.items():
                said = store.get((user, start))
                what = f"{life}: {user}'s window {told(start)} had {count} visits"
                expect(said is not None, f"{what}, and the store has nothing under {(user, start)}.")
                expect(said == count, f"{what}, and the store says {shorten(said)}.")
        return f"right without a crash and after a crash at each of {len(visits)} records, corrections included."

    return judge(check, answer)


def _written(write: Callable[..., Any], store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    if write(store, result) is ...:
        raise NotAttempted


def _run_with_crash(visits: list[Visit], sink: Callable[[Any], None], dies_at: int | None) -> None:
    """The job of the notebook, with a plain sink; it fails once, when record number `dies_at` has reached the sink."""
    left = set() if dies_at is None else {dies_at}
    stubs: list[NotAttempted] = []

    def power_cut(visit: tuple[int, Visit]) -> Visit:
        number, record = visit
        if number in left:
            left.discard(number)
            raise RuntimeError(f"power cut at record {number}")
        return record

    def remembered(result: Any) -> None:
        try:
            sink((result[0], result[1], result[3]))
        except NotAttempted as stub:
            stubs.append(stub)

    processor = FlinkStreamProcessor(
        checkpoint_interval=None,
        checkpoint_every=4,
        batch_size=1,
        restart_strategy=RestartStrategies.fixed_delay_restart(1, 0),
    )
    stream = processor.add_source(list(enumerate(visits, start=1))).map(power_cut)
    counts = (
        with_times(stream, timedelta(minutes=1))
        .key_by(user_of)
        .window(TumblingEventTimeWindows.of(FIVE_MINUTES))
        .allowed_lateness(FIVE_MINUTES)
        .aggregate(Count(), counted)
    )
    counts.sink(remembered)
    processor.execute("counts")
    if stubs:
        raise stubs[0]


def _streams() -> list[tuple[str, list[Visit]]]:
    """Streams on which a count can go wrong in different ways."""
    random = Random(4)
    visits = [
        {
            "user": random.choice(("ann", "bob", "cas")),
            "type": "view",
            "item": "lamp",
            "time": at("10:00") + 1000 * second,
        }
        for second in sorted(random.randrange(2400) for _ in range(200))
    ]
    shuffled = sorted(visits, key=lambda each: int(each["time"]) + random.randrange(DISORDER + 1))
    edge = [visit("ann", clock) for clock in ("10:04:59", "10:05", "10:09:59", "10:10", "10:09", "10:20")]
    return [("visits in order", visits), ("visits on the edge of a window", edge), ("visits out of order", shuffled)]


def _brute_force(visits: Sequence[Visit]) -> Counter[Window]:
    """What is asked for, from a list that is there as a whole."""
    return Counter((each["user"], each["time"] - each["time"] % FIVE_MINUTES) for each in visits)


def _compare(situation: str, results: list[tuple[Any, ...]], right: Counter[Window]) -> None:
    told_of: dict[Any, list[Any]] = {}
    for user, start, count in results:
        told_of.setdefault((user, start), []).append(count)
    for window, count in right.items():
        user, start = window
        said = told_of.pop(window, [])
        what = f"{situation}: {user}'s window {told(start)} has {count} visits, and yours"
        expect(
            bool(said), f"{what} does not tell of it; its first result is {shorten(results[0]) if results else None}."
        )
        expect(len(said) == 1, f"{what} tells of it {len(said)} times: {said[:3]}.")
        expect(said == [count], f"{what} says {shorten(said[0])}.")
    extra = next(iter(told_of), None)
    expect(extra is None, f"{situation}: yours tells of {shorten(extra)}, where nothing was.")
