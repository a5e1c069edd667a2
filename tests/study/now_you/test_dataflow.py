"""The "now you" checks of notebook 04: right answers pass, each usual wrong one is refused and told why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from recsys_lab import datasets, experiments
from recsys_lab.flink import (
    DataStream,
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.study.now_you import dataflow

FIVE = TumblingEventTimeWindows.of(timedelta(minutes=5))


def timed(visits: DataStream, seconds: int) -> DataStream:
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=seconds))
    return visits.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda visit, _: visit["time"]))


def result(user: str, window: Any, inside: list[Any]) -> list[tuple[str, int, int]]:
    return [(user, window.start, len(inside))]


def by_user(visits: DataStream, seconds: int = 60) -> Any:
    return timed(visits, seconds).key_by(lambda visit: visit["user"])


def test_a_windowed_count_that_equals_brute_force_passes() -> None:
    report = dataflow.windowed_count(lambda visits: by_user(visits).window(FIVE).apply(result))
    assert report.passed, report


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda v: by_user(v, 0).window(FIVE).apply(result), "ann's window 10:05 has 3 visits, and yours says 2"),
        (lambda v: by_user(v, 30).window(FIVE).apply(result), "and yours says"),
        (
            lambda v: by_user(v, 0).window(FIVE).allowed_lateness(timedelta(minutes=1)).apply(result),
            "yours tells of it 2 times",
        ),
        (lambda v: timed(v, 60).window(FIVE).apply(result), "does not tell of it"),
        (lambda v: v.key_by(lambda visit: visit["user"]).window(FIVE).apply(result), "it has no timestamp"),
        (
            lambda v: by_user(v).window(TumblingEventTimeWindows.of(timedelta(minutes=10))).apply(result),
            "has 8 visits, and yours says 14",
        ),
        (
            lambda v: by_user(v).window(EventTimeSessionWindows.with_gap(timedelta(minutes=5))).apply(result),
            "does not tell of it",
        ),
        (
            lambda v: (
                by_user(v).window(SlidingEventTimeWindows.of(timedelta(minutes=5), timedelta(minutes=1))).apply(result)
            ),
            "where nothing was",
        ),
        (
            lambda v: by_user(v).window(FIVE).apply(lambda user, window, inside: [(user, window.end, len(inside))]),
            "does not tell of it",
        ),
        (
            lambda v: by_user(v).window(FIVE).apply(lambda user, window, inside: [len(inside)]),
            "(user, start, count) is needed",
        ),
        (lambda v: by_user(v).window(FIVE), "the stream of results is needed"),
        (lambda v: [("ann", 0, 1)], "the stream of results is needed"),
    ],
)
def test_a_count_that_differs_is_refused_by_what_it_said(build: Callable[[DataStream], Any], told: str) -> None:
    report = dataflow.windowed_count(build)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.fixture(scope="module")
def monday() -> list[Any]:
    purchases = datasets.load("online-retail")
    hours = purchases["timestamp"].between("2011-12-05 10:00", "2011-12-05 16:00", inclusive="left")
    stream: list[Any] = experiments.arrivals(purchases[hours])
    return stream


def test_one_pair_of_the_labs_choices_passes(monday: list[Any]) -> None:
    passing = [
        (bound, kept)
        for bound in (120, 300, 600)
        for kept in (300, 600, 1200)
        if dataflow.bound_and_lateness({"bound": bound, "lateness": kept}, monday).passed
    ]
    assert passing == [(300, 1200)]


@pytest.mark.parametrize(
    ("bound", "kept", "told"),
    [
        (60, 1200, "with a bound of 60 s only 97.7%"),
        (600, 1200, "a shorter one would do"),
        (300, 600, "3 purchases still come too late"),
        (300, 0, "16 purchases still come too late"),
        (1200, 0, "24.5 min after their windows; a shorter one would do"),
        (5, 0, "bound is 5; one of 0, 30"),
        (300, "long", "lateness is 'long'"),
    ],
)
def test_other_pairs_are_told_what_they_cost(monday: list[Any], bound: Any, kept: Any, told: str) -> None:
    report = dataflow.bound_and_lateness({"bound": bound, "lateness": kept}, monday)
    assert not report.passed
    assert told in repr(report)


def test_windows_that_are_kept_longer_than_needed_are_refused() -> None:
    stream = [experiments.on_flink.lateness.Arrival(time, time, "lamp") for time in range(0, 3_600_000, 1_000)]
    assert dataflow.bound_and_lateness({"bound": 0, "lateness": 0}, stream).passed
    assert "windows are kept for 60 s" in repr(dataflow.bound_and_lateness({"bound": 0, "lateness": 60}, stream))


def overwrites(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    user, start, count = result
    store[user, start] = count


def appends(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    store.setdefault(result[:2], []).append(result[2])


def adds(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    store[result[:2]] = store.get(result[:2], 0) + result[2]


def keeps_the_first(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    store.setdefault(result[:2], result[2])


def adds_what_it_has_not_seen(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    if result not in store.setdefault("seen", set()):
        store["seen"].add(result)
        adds(store, result)


def one_more_for_each_correction(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    store[result[:2]] = store[result[:2]] + 1 if result[:2] in store else result[2]


def by_user_alone(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    store[result[0]] = result[2]


def fails(store: dict[Any, Any], result: tuple[str, int, int]) -> None:
    raise KeyError("lamp")


def test_a_write_that_bears_repeating_passes() -> None:
    report = dataflow.writes_once(overwrites)
    assert report.passed, report


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (appends, "without any crash: ann's window 10:00 had 3 visits, and the store says [2, 3]"),
        (adds, "without any crash: ann's window 10:00 had 3 visits, and the store says 5"),
        (keeps_the_first, "had 3 visits, and the store says 2"),
        (adds_what_it_has_not_seen, "had 3 visits, and the store says 5"),
        (one_more_for_each_correction, "after a crash at record"),
        (by_user_alone, "the store has nothing under ('ann', "),
        (fails, "KeyError"),
    ],
)
def test_a_write_that_does_not_is_told_when_and_where(write: Any, told: str) -> None:
    report = dataflow.writes_once(write)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "check",
    [
        lambda: dataflow.windowed_count(lambda visits: ...),
        lambda: dataflow.windowed_count(...),
        lambda: dataflow.bound_and_lateness({"bound": ..., "lateness": ...}, []),
        lambda: dataflow.bound_and_lateness({"bound": 60, "lateness": ...}, []),
        lambda: dataflow.writes_once(lambda store, result: ...),
        lambda: dataflow.writes_once(...),
    ],
)
def test_a_stub_is_not_attempted_yet(check: Callable[[], Any]) -> None:
    assert repr(check()) == "not attempted yet"
