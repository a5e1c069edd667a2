"""A season in a small made-up year: what is bought, what is shown, what rings."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab.experiments.drift.season import risers, weeks

ITEMS = {f"{category}-{number}": category for category in ("christmas", "kitchen", "garden") for number in range(6)}


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    """A basket of four items every two hours; one in ten is of Christmas things, from September on one in two."""
    rows = []
    for basket, moment in enumerate(pd.date_range("2011-03-07", "2011-11-27 23:00", freq="2h", tz="UTC")):
        often = 2 if moment >= pd.Timestamp("2011-09-05", tz="UTC") else 10
        category = "christmas" if basket % often == 0 else ("kitchen", "garden")[basket % 7 < 3]
        for number in range(4):
            rows.append(
                (f"user-{basket % 40}", f"{category}-{(basket + number) % 6}", moment, f"basket-{basket}", category)
            )
    columns = ["user_id", "item_id", "timestamp", "session_id", "category"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(interaction_type="purchase", interaction_value=1.0, description=table["item_id"])


def test_each_week_is_counted_and_compared_with_the_ordinary_months(year: pd.DataFrame) -> None:
    table = weeks(year, users=10).set_index("week")

    assert table["bought"].sum() == len(year)
    assert table.index.is_monotonic_increasing
    assert (table.index.weekday == 0).all()
    assert table.loc["2011-06-06", "bought_share"] == pytest.approx(0.1, abs=0.02)
    assert table.loc["2011-10-03", "bought_share"] == pytest.approx(0.5, abs=0.02)
    ordinary, season = table.loc[:"2011-08-28"], table.loc["2011-09-05":]
    assert ordinary["input_drift"].max() < season["input_drift"].min()
    assert (season["input_drift"] > season["chance"]).all()
    assert table["rbo"].dropna().between(0, 1).all()


def test_what_grows_rings_soon_after_it_grew_and_what_shrinks_does_not(year: pd.DataFrame) -> None:
    table = risers(year)

    assert table["category"].tolist() == ["christmas"]
    (row,) = table.itertuples()
    assert pd.Timestamp("2011-09-05", tz="UTC") < row.at < pd.Timestamp("2011-09-20", tz="UTC")
    assert row.before < row.after
