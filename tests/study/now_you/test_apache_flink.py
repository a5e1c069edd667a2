"""The "now you" checks of notebook 05: right answers pass, each usual wrong one is refused and told why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from recsys_lab.flink import (
    DataStream,
    EventTimeSessionWindows,
    GlobalWindows,
    KeyedProcessFunction,
    LocalFlink,
    SlidingEventTimeWindows,
    TimeWindow,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
    WindowAssigner,
)
from recsys_lab.study.now_you import apache_flink
from tests.experiments.on_flink.runs import a_killed_run
from tests.flink.apache.running import needs_flink

RIGHT = {"screen": "read_uncommitted", "invoices": "read_committed"}


def test_each_reader_by_what_it_can_bear_passes() -> None:
    report = apache_flink.isolation(RIGHT, a_killed_run())
    assert report.passed, report


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"invoices": "read_uncommitted"}, "invoices: with read_uncommitted 2 results came twice"),
        ({"screen": "read_committed"}, "screen: with read_committed half of the results came more than 1.0 s later"),
        ({"screen": "exactly-once"}, "'exactly-once' is none of read_committed, read_uncommitted"),
    ],
)
def test_another_choice_is_held_against_the_run(changed: dict[str, str], told: str) -> None:
    report = apache_flink.isolation({**RIGHT, **changed}, a_killed_run())
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


class Count(KeyedProcessFunction):
    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", int))

    def process_element(self, value: Any, ctx: Any) -> Iterator[tuple[str, int]]:
        self.count.update((self.count.value() or 0) + 1)
        yield value["user"], self.count.value()


def by_state(visits: DataStream) -> DataStream:
    return visits.key_by(lambda visit: visit["user"]).process(Count())


def by_reduce(visits: DataStream) -> DataStream:
    pairs = visits.map(lambda visit: (visit["user"], 1))
    return pairs.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))


def by_a_dict(visits: DataStream) -> DataStream:
    seen: dict[str, int] = {}

    def count(visit: Any) -> tuple[str, int]:
        seen[visit["user"]] = seen.get(visit["user"], 0) + 1
        return visit["user"], seen[visit["user"]]

    return visits.map(count)


def without_memory(visits: DataStream) -> DataStream:
    return visits.map(lambda visit: (visit["user"], 1))


def over_all_users(visits: DataStream) -> DataStream:
    pairs = visits.map(lambda visit: (visit["user"], 1))
    return pairs.key_by(lambda pair: "everybody").reduce(lambda a, b: (b[0], a[1] + b[1]))


@pytest.mark.parametrize("build", [by_state, by_reduce])
def test_counts_kept_in_state_pass(build: Callable[[DataStream], Any]) -> None:
    report = apache_flink.counts_that_survive(build)
    assert report.passed, report


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (by_a_dict, "after a crash at record 2: ann's counts are [2, 3,"),
        (without_memory, "on 1 subtask: ann's counts are [1, 1, 1, 1, 1, 1], and [1, 2, 3, 4, 5, 6] is right"),
        (over_all_users, "on 1 subtask: ann's counts are [1, 3,"),
        (lambda visits: visits.map(lambda visit: visit["user"]), "it gave 'ann'; (user, count) is needed"),
        (lambda visits: [("ann", 1)], "the stream of counts is needed"),
        (lambda visits: visits.map(lambda visit: 1 / 0), "ZeroDivisionError"),
    ],
)
def test_counts_that_would_not_survive_are_refused(build: Callable[[DataStream], Any], told: str) -> None:
    report = apache_flink.counts_that_survive(build)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@needs_flink
@pytest.mark.integration
def test_counts_are_tried_on_a_cluster_where_a_function_must_be_able_to_travel() -> None:
    lock = threading.Lock()  # cannot be copied to another process

    def holding_a_lock(visits: DataStream) -> DataStream:
        return by_state(visits.filter(lambda visit: not lock.locked()))

    with LocalFlink() as cluster:
        passed = apache_flink.counts_that_survive(by_state, cluster)
        refused = apache_flink.counts_that_survive(holding_a_lock, cluster)

    assert passed.passed, passed
    assert "and on Apache Flink" in repr(passed)
    assert not refused.passed
    assert "lock" in repr(refused)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


class ShopDay(WindowAssigner):
    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        opened = timestamp - (timestamp - 14_400_000) % 86_400_000
        return [TimeWindow(opened, opened + 86_400_000)]


@pytest.mark.parametrize("offset", [4, -20])
def test_days_from_four_to_four_pass(offset: int) -> None:
    report = apache_flink.shop_days(TumblingEventTimeWindows.of(hours(24), hours(offset)))
    assert report.passed, report


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (TumblingEventTimeWindows.of(hours(24)), "day that begins on 31 December at 04:00 has 1 visit, and yours has"),
        (TumblingEventTimeWindows.of(hours(24), hours(-4)), "no window that begins then"),
        (TumblingEventTimeWindows.of(hours(12), hours(4)), "no window that begins then"),
        (SlidingEventTimeWindows.of(hours(24), hours(12), hours(4)), "windows, and there are 5 days"),
        (EventTimeSessionWindows.with_gap(hours(4)), "no window that begins then"),
        (GlobalWindows(), "no window that begins then"),
        (ShopDay(), "ShopDay is an assigner of your own"),
        (hours(24), "a window assigner is needed"),
    ],
)
def test_other_days_are_refused_by_what_they_hold(answer: Any, told: str) -> None:
    report = apache_flink.shop_days(answer)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "report",
    [
        apache_flink.isolation({"screen": ..., "invoices": ...}, a_killed_run()),
        apache_flink.counts_that_survive(lambda visits: ...),
        apache_flink.shop_days(...),
    ],
)
def test_a_stub_is_not_attempted_yet(report: Any) -> None:
    assert not report.attempted
