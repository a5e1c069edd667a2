"""Two layers over one log: the ways to merge them, against a count that is made one purchase at a time."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab.experiments import lambda_views


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    times = pd.date_range("2011-12-05 00:10", "2011-12-07 23:50", freq="17min", tz="UTC")
    return pd.DataFrame({"timestamp": times})


def test_cut_by_offset_nothing_is_ever_missing(purchases: pd.DataFrame) -> None:
    for share in (0.0, 0.3):
        table = lambda_views(purchases, late_share=share).set_index("way")
        assert (table.loc["cut by offset", "missing"] == 0).all()


def test_what_comes_while_a_batch_runs_is_missing_when_the_view_is_cleared_at_its_end(purchases: pd.DataFrame) -> None:
    table = lambda_views(purchases, batch_hours=3, late_share=0.0)
    missing = table[table["way"] == "cleared when finished"].set_index("time")["missing"]
    arrived = purchases["timestamp"]

    between = arrived.between(pd.Timestamp("2011-12-06", tz="UTC"), pd.Timestamp("2011-12-06 03:00", tz="UTC")).sum()
    assert missing[pd.Timestamp("2011-12-06 02:30", tz="UTC")] == pytest.approx(0, abs=11)
    assert missing[pd.Timestamp("2011-12-06 12:00", tz="UTC")] == pytest.approx(between, abs=1)


def test_without_late_purchases_a_cut_by_time_is_right_to_a_minute_and_with_them_it_is_not(
    purchases: pd.DataFrame,
) -> None:
    punctual = lambda_views(purchases, late_share=0.0).groupby("way")["missing"].max()
    late = lambda_views(purchases, late_share=0.3).groupby("way")["missing"].max()

    assert punctual["cut by time"] <= 1
    assert late["cut by time"] > 10


def test_the_batch_alone_is_as_old_as_its_last_run(purchases: pd.DataFrame) -> None:
    table = lambda_views(purchases, late_share=0.0)
    alone = table[table["way"] == "batch alone"].set_index("time")

    noon = pd.Timestamp("2011-12-06 12:00", tz="UTC")
    assert alone.loc[noon, "served"] == pytest.approx((purchases["timestamp"] < "2011-12-06").sum(), abs=1)
    assert alone.loc[noon, "truth"] == pytest.approx((purchases["timestamp"] < noon).sum(), abs=1)


def test_the_same_seed_gives_the_same_table(purchases: pd.DataFrame) -> None:
    assert lambda_views(purchases, seed=4).equals(lambda_views(purchases, seed=4))
