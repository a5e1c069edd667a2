"""The morning, step by step, held against a few lines that know nothing of the engine."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from recsys_lab.experiments.on_flink.morning import MINUTE, Visit, a_morning, at, told, visit
from recsys_lab.experiments.on_flink.stepping import JOBS, steps

BOUNDS = (0, 30, 60, 120, 300)


def rows_of(table: pd.DataFrame, what: str) -> list[Any]:
    return list(table[table["what"] == what].itertuples())


def late_by_brute_force(bound: int, kept: int = 0) -> list[int]:
    """Numbers of the records whose window was over when they came."""
    latest, late = -1, []
    for number, record in enumerate(a_morning(), start=1):
        end = record["time"] // (5 * MINUTE) * 5 * MINUTE + 5 * MINUTE
        if latest >= 0 and end - 1 + kept <= latest - 1000 * bound - 1:
            late.append(number)
        latest = max(latest, record["time"])
    return late


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_record_is_late_when_its_window_was_over(bound: int) -> None:
    late = [row.step for row in rows_of(steps("windows", bound), "record") if row.number]
    assert late == late_by_brute_force(bound)


@pytest.mark.parametrize("bound", BOUNDS)
def test_what_is_kept_longer_is_late_less_often(bound: int) -> None:
    late = [row.step for row in rows_of(steps("kept", bound), "record") if row.number]
    assert late == late_by_brute_force(bound, kept=5 * MINUTE)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("job", ["windows", "kept"])
def test_every_record_is_in_a_last_result_or_late(job: str, bound: int) -> None:
    table = steps(job, bound)
    last = {(row.user, row.start): row.number for row in rows_of(table, "fired")}
    late = sum(row.number for row in rows_of(table, "record"))
    assert sum(last.values()) + late == len(a_morning())


def test_two_records_of_the_morning_come_too_late_for_a_bound_of_a_minute() -> None:
    assert late_by_brute_force(60) == [6, 10]


@pytest.mark.parametrize("job", list(JOBS))
def test_there_is_a_step_for_each_record_and_one_for_the_end(job: str) -> None:
    table = steps(job)
    assert [row.step for row in rows_of(table, "record")] == list(range(1, 13))
    assert list(table["step"].unique()) == list(range(1, 14))
    assert [row.start for row in rows_of(table, "record")] == [record["time"] for record in a_morning()]


def test_the_watermark_is_the_latest_time_less_the_bound_and_never_goes_back() -> None:
    marks = [row.start for row in rows_of(steps("windows", 60), "watermark")][:-1]
    times = pd.Series([record["time"] for record in a_morning()]).cummax()
    assert marks == [time - MINUTE - 1 for time in times]


def test_sessions_grow_by_silence_alone_when_nothing_is_late() -> None:
    fired = {(row.user, row.start, row.end): row.number for row in rows_of(steps("sessions", 3600), "fired")}
    expected = {}
    for user in ("ann", "bob"):
        times = sorted(record["time"] for record in a_morning() if record["user"] == user)
        groups = [[times[0]]]
        for time in times[1:]:
            if time - groups[-1][-1] <= 3 * MINUTE:
                groups[-1].append(time)
            else:
                groups.append([time])
        expected.update({(user, group[0], group[-1] + 3 * MINUTE): len(group) for group in groups})
    assert fired == expected


def nudged(bound: int, records: list[Visit] | None = None) -> list[tuple[str, int]]:
    return sorted((row.user, row.start) for row in rows_of(steps("nudges", bound, records), "nudged"))


@pytest.mark.parametrize("bound", [60, 300, 3600])
def test_who_looks_and_then_does_nothing_is_nudged_whatever_the_order_of_arrival(bound: int) -> None:
    expected = []
    for user in ("ann", "bob"):
        events = sorted((record["time"], record["type"]) for record in a_morning() if record["user"] == user)
        for time, kind in events:
            soon = [other for other, _ in events if time < other <= time + 5 * MINUTE]
            if kind == "view" and not soon:
                expected.append((user, time))
    assert nudged(bound) == sorted(expected)


def test_without_a_bound_a_view_that_comes_late_does_not_save_from_a_nudge() -> None:
    assert ("bob", at("10:06:30")) in nudged(0)
    assert ("bob", at("10:06:30")) not in nudged(60)


def test_a_purchase_alone_nudges_nobody() -> None:
    assert nudged(60, [visit("ann", "10:01", "purchase")]) == []


def test_times_are_told_as_people_say_them() -> None:
    assert (told(at("10:04")), told(at("10:04:40"))) == ("10:04", "10:04:40")
