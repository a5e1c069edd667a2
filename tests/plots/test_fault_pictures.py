"""Pictures of faults: the title follows the table."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments, plots


def runs(**lost_and_doubled: tuple[int, int]) -> pd.DataFrame:
    rows = [
        (name.replace("_", "-"), seed, 2, *counts, 0, 3, 100.0)
        for name, counts in lost_and_doubled.items()
        for seed in (1, 2)
    ]
    columns = ["guarantee", "seed", "crashes", "lost", "doubled", "wrong", "again", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def test_the_title_of_many_runs_adds_up_what_each_guarantee_did() -> None:
    table = runs(at_most_once=(3, 0), at_least_once=(0, 5), keyed_writes=(0, 0), exactly_once=(0, 0))
    assert plots.crash_runs(table).finding == (
        "16 crashes: at most once loses 6 results, at least once doubles 10 results, keyed writes and exactly once none"
    )
    bad = runs(exactly_once=(1, 2))
    assert "exactly once loses 2 and doubles 4 results" in plots.crash_runs(bad).finding


@pytest.mark.parametrize(
    ("guarantee", "told"),
    [
        ("exactly-once", "Exactly once, 3 crashes: none lost, none doubled, none wrong"),
        ("at-least-once", "At least once, 3 crashes: none lost, 20 doubled, none wrong"),
    ],
)
def test_one_run_is_told_with_its_price(guarantee: str, told: str) -> None:
    table = experiments.crash_run(guarantee, seed=7)
    assert plots.crash_run(table).finding == told
    assert "the run took 162 s instead of 126" in plots.crash_run_sentence(table)


def test_a_run_without_a_crash_says_so() -> None:
    table = experiments.crash_run("exactly-once", seed=7)
    calm = table[table["what"] != "crash"]
    assert "no crashes" in plots.crash_run(calm).finding
    assert "No crash came" in plots.crash_run_sentence(calm)


def test_the_best_interval_of_the_table_is_in_the_title() -> None:
    table = experiments.recovery([20, 60], range(2))
    best = table.groupby("interval_s")["seconds"].mean().idxmin()
    assert f"every {best} s ends the work first; the formula says 55 s" in plots.recovery(table).finding
    swapped = table.assign(seconds=-table["seconds"])
    assert f"every {80 - best} s" in plots.recovery(swapped).finding


def test_the_poison_title_leaves_out_a_job_that_is_not_stuck() -> None:
    table = experiments.poison()
    assert plots.poison(table).finding.startswith("One poison record stops the job at record 12")
    assert "stops" not in plots.poison(table[table["ended"]]).finding


def test_the_storm_title_counts_who_never_recovers() -> None:
    table = experiments.storm(["no retries", "at once"])
    assert plots.storm(table).finding == "6 s of outage: with 1 of 2 retry policies it never recovers"
    calm = experiments.storm(["no retries", "at once"], outage=0)
    assert plots.storm(calm).finding == "No outage: every policy works again"
    alone = table[table["policy"] == "at once"]
    assert plots.storm(alone).finding == "6 s of outage, at once: it never recovers"
    assert "more than the 50 that the service can work on" in plots.storm_sentence(alone)


def test_the_herd_title_compares_with_and_without_jitter() -> None:
    assert plots.herd(experiments.herds()).finding == (
        "Back-off and jitter: all are back after 15 s, with 1,813 calls; back-off alone: 104 s, 4,127"
    )


def test_the_overload_title_tells_memory_drops_and_log() -> None:
    table = experiments.overloads()
    assert plots.overload(table).finding == plots.overload_finding(table)
    assert "a full buffer drops 321" in plots.overload_finding(table)
    calm = experiments.overloads(rush=15, buffer=1000)
    assert "backpressure has nothing to hold back" in plots.overload_finding(calm)
