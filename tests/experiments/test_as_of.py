"""What a feature sees of one customer's events: nothing that had not happened, unless it leaks."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.experiments.as_of import FATES
from tests.builders import clock_time

WINDOW = timedelta(hours=4)


def some_purchases(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """(user, item, time on the first day) → interactions; every item of one kind."""
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "at"])
    return table.assign(
        timestamp=pd.to_datetime([clock_time(at) for at in table["at"]], utc=True),
        interaction_type="purchase",
        interaction_value=1.0,
        session_id="s1",
        category="lights",
        description=table["item_id"].str.upper(),
    )


PURCHASES = some_purchases(
    ("ann", "bulb", "06:00"), ("ann", "shade", "10:00"), ("bob", "lamp", "11:00"), ("ann", "lamp", "12:00")
)


def read(at: str, *, leak: bool = False) -> pd.DataFrame:
    return experiments.as_of(PURCHASES, "ann", "lamp", at=clock_time(at), window=WINDOW, end_of_day=leak)


def fates(at: str, *, leak: bool = False) -> list[str]:
    return list(read(at, leak=leak)["fate"])


def test_an_event_is_not_seen_at_its_own_moment_but_right_after() -> None:
    assert fates("12:00") == ["no longer in the window", "seen", "not yet"]
    assert fates("12:01")[-1] == "seen"


def test_an_event_leaves_the_window_when_it_is_older_than_the_window() -> None:
    assert fates("10:00")[0] == "seen"
    assert fates("10:01")[0] == "no longer in the window"


def test_a_leak_sees_the_rest_of_the_day_and_so_the_answer() -> None:
    nearly_midnight = experiments.as_of(
        PURCHASES, "ann", "lamp", at=clock_time("11:00"), window=timedelta(days=1), end_of_day=True
    )

    assert list(nearly_midnight["fate"]) == ["seen", "seen", "seen too early"]
    assert nearly_midnight.loc[nearly_midnight["answer"], "user_item"].tolist() == [1]


@pytest.mark.parametrize("leak", [False, True])
@pytest.mark.parametrize("at", ["00:00", "06:00", "10:00", "12:00", "12:01", "23:59"])
def test_what_is_marked_as_seen_is_what_the_store_counts(at: str, leak: bool) -> None:
    table = read(at, leak=leak)

    assert table["fate"].isin(["seen", "seen too early"]).sum() == table["user"].iloc[0]
    assert set(table["fate"]) <= set(FATES)


def test_only_the_events_of_this_customer_are_shown() -> None:
    assert list(read("12:00")["name"]) == ["Bulb", "Shade", "Lamp"]


def test_the_moment_asked_and_the_moment_read_differ_only_with_the_leak() -> None:
    honest, leaky = read("11:00").iloc[0], read("11:00", leak=True).iloc[0]

    assert honest["read_at"] == honest["at"] == clock_time("11:00")
    assert leaky["read_at"] == datetime.fromisoformat("2026-01-02T00:00:00+00:00")
