"""The pictures of the intermediate study questions say in their titles what the tables hold."""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots


def test_an_outage_counts_the_calls_of_each_way_to_wait() -> None:
    table = pd.DataFrame(
        {
            "waits": ["at once"] * 3 + ["later"] * 2,
            "second": [0.0, 0.1, 0.2, 0.0, 5.0],
            "outcome": ["timed out", "timed out", "delivered", "timed out", "delivered"],
        }
    )
    assert plots.outage(table).finding == "Calls of one client in one outage: 3 at once, 2 later"


def test_a_cut_at_each_step_counts_the_wrong_balances() -> None:
    table = pd.DataFrame(
        {
            "sink": ["a"] * 4 + ["b"] * 2, "step": [1, 1, 2, 2, 1, 1], "what": ["put of x"] * 6,
            "after": [False, True] * 3, "held": [5, 10, 0, 5, 5, 5], "right": [5] * 6,
        }
    )  # fmt: skip
    assert plots.crash_steps(table).finding == "One power cut makes the balance wrong: “a” in 2 of 4, “b” in 0 of 2"


def test_loads_tell_where_the_bound_is_missed_and_where_there_is_room() -> None:
    table = pd.DataFrame(
        {
            "load": ["10 a second", "90 a second"], "batches": [100, 1200], "size": [2.0, 60.0],
            "p50_ms": [30.0, 900.0],
            "p99_ms": [60.0, 4000.0], "late": [0.0, 0.7], "bound_ms": [200.0, 200.0],
        }
    )  # fmt: skip
    assert plots.batch_loads(table).finding == "p99 is within 200 ms in 1 of 2 loads; the day takes 1,300 batches"
    assert plots.batch_loads_sentence(table).endswith(
        "It is missed most at 90 a second (p99 4,000 ms). Most room is left at 10 a second (p99 60 ms)."
    )
    assert "missed" not in plots.batch_loads_sentence(table.iloc[:1])


def test_changes_of_a_schema_are_counted_that_stop_nobody() -> None:
    table = pd.DataFrame(
        {"change": ["x", "y", "z"], "new_reads_old": [True, True, False], "old_reads_new": [True, False, True]}
    )
    assert plots.schema_changes(table).finding == "1 of 3 usual changes of a schema stop neither old code nor new"
