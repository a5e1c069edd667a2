"""Windows of three kinds, late purchases, and what a job remembers."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest

from recsys_lab.experiments.on_flink.forgetting import remembered
from recsys_lab.experiments.on_flink.lateness import Arrival, arrivals, counted_at_arrival, lateness
from recsys_lab.experiments.on_flink.morning import MINUTE, at
from recsys_lab.experiments.on_flink.window_kinds import ONE_VISITOR, window_kinds
from tests.shops import small_shop

TIMES = [at(clock) for clock in ONE_VISITOR]


@pytest.mark.parametrize(("size", "slide"), [(10, 5), (10, 3), (4, 10), (5, 5), (15, 2)])
def test_tumbling_and_sliding_windows_equal_brute_force(size: int, slide: int) -> None:
    table = window_kinds(size=size, slide=slide)
    for kind, every in (("tumbling", size), ("sliding", slide)):
        found = {(row.start, row.end): row[5] for row in table[table["kind"] == kind].itertuples()}
        first = min(TIMES) // (every * MINUTE) * every * MINUTE
        starts = range(first - 20 * every * MINUTE, max(TIMES) + 1, every * MINUTE)
        counts = {(s, s + size * MINUTE): sum(s <= time < s + size * MINUTE for time in TIMES) for s in starts}
        assert found == {window: count for window, count in counts.items() if count}


@pytest.mark.parametrize("gap", [1, 3, 4, 6, 10])
def test_silence_ends_a_session(gap: int) -> None:
    table = window_kinds(gap=gap)
    pauses = sum(later - earlier > gap * MINUTE for earlier, later in pairwise(TIMES))
    sessions = table[table["kind"] == "session"]
    assert len(sessions) == pauses + 1
    assert sessions["count"].sum() == len(TIMES)


def purchases() -> pd.DataFrame:
    return small_shop().head(500)


def test_the_seed_decides_who_is_late() -> None:
    first, again, other = (arrivals(purchases(), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert [row.arrived for row in first] == sorted(row.arrived for row in first)
    assert all(row.arrived >= row.time for row in first)
    assert len(first) == 500


@pytest.mark.parametrize("kept", [0, 60, 600])
def test_every_purchase_is_in_one_of_three_places(kept: int) -> None:
    table = lateness(arrivals(purchases()), lateness=kept)
    assert (table["first"] + table["updated"] + table["late"] == 500).all()
    assert table["first"].is_monotonic_increasing
    assert table["delay_s"].is_monotonic_increasing
    assert (table["updates"] > 0).any() == (kept > 0 and (table["updated"] > 0).any())


def test_the_first_result_is_the_same_however_long_windows_are_kept() -> None:
    stream = arrivals(purchases())
    without, kept = lateness(stream), lateness(stream, lateness=600)
    assert list(without["first"]) == list(kept["first"])
    assert list(without["delay_s"]) == list(kept["delay_s"])
    assert kept["late"].sum() < without["late"].sum()


def test_the_delay_runs_from_the_end_of_the_window_to_the_record_that_fires_it() -> None:
    times = [(at("10:01"), at("10:01")), (at("10:07"), at("10:09")), (at("10:12"), at("10:12"))]
    table = lateness([Arrival(time, arrived, "lamp") for time, arrived in times], bounds=[60])
    assert table["delay_s"].item() == (4 * 60 + 2 * 60) / 2  # 10:05 by the second at 10:09, 10:10 by the third
    assert table["first"].item() == 3


def test_without_a_time_to_live_every_customer_is_held() -> None:
    events = small_shop().head(300)
    table = remembered(events, ttl_hours=1)
    none, limited = (table[table["time_to_live"] == name]["held"] for name in ("none", "1 hours"))
    assert none.iloc[-1] == events["user_id"].nunique()
    assert none.is_monotonic_increasing
    assert limited.max() < none.max()


def test_a_time_to_live_holds_those_who_came_within_it() -> None:
    events = small_shop().head(300)
    table = remembered(events, ttl_hours=2)
    limited = table[table["time_to_live"] == "2 hours"]
    for row in limited.itertuples():
        recent = events[
            (events["timestamp"] <= row.time) & (events["timestamp"] > row.time - pd.Timedelta(hours=2))
        ]  # baskets of one moment come one after the other, so the last of them sees all
        assert row.held <= recent["user_id"].nunique()
    last = limited.groupby("time")["held"].last()
    final = last.index[-1]
    there = events[events["timestamp"] > final - pd.Timedelta(hours=2)]["user_id"].nunique()
    assert last.iloc[-1] == there


def test_a_purchase_that_arrives_in_a_later_window_is_counted_elsewhere() -> None:
    minute = 60_000
    stream = [
        Arrival(0, 1_000, "lamp"),
        Arrival(4 * minute, 6 * minute, "mug"),
        Arrival(7 * minute, 21 * minute, "rug"),
    ]

    table = counted_at_arrival(stream)

    assert list(table["start"]) == [0, 5, 10, 15, 20]
    assert list(table["happened"]) == [2, 1, 0, 0, 0]
    assert list(table["arrived"]) == [1, 1, 0, 0, 1]
    assert list(table["elsewhere"]) == [1, 1, 0, 0, 0]
