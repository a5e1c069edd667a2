"""Pairs of a view and a purchase, and patterns: who is found, and what ran out of time."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from recsys_lab.experiments.on_flink.joins import joined, shoppers
from recsys_lab.experiments.on_flink.morning import MINUTE, Visit, at
from recsys_lab.experiments.on_flink.patterns import hesitation, matches, two_and_two
from recsys_lab.flink.cep import AfterMatchSkipStrategy, Pattern


def is_view(record: Visit) -> bool:
    return bool(record["type"] == "view")


def is_purchase(record: Visit) -> bool:
    return bool(record["type"] == "purchase")


@pytest.mark.parametrize("minutes", [1, 5, 9, 10, 13, 30])
def test_pairs_equal_brute_force_and_every_record_is_there(minutes: int) -> None:
    table = joined(minutes=minutes)
    visits = shoppers()
    expected = {
        (view["user"], view["item"], view["time"], purchase["time"])
        for view in filter(is_view, visits)
        for purchase in filter(is_purchase, visits)
        if (view["user"], view["item"]) == (purchase["user"], purchase["item"])
        and 0 <= purchase["time"] - view["time"] <= minutes * MINUTE
    }
    pairs = table.dropna()
    assert set(zip(pairs["user"], pairs["item"], pairs["viewed"], pairs["bought"], strict=True)) == expected
    assert set(table["viewed"].dropna()) == {visit["time"] for visit in filter(is_view, visits)}
    assert set(table["bought"].dropna()) == {visit["time"] for visit in filter(is_purchase, visits)}


def found(table: pd.DataFrame, fate: str = "matched", by: str = "user") -> dict[str, int]:
    counts = table[table["fate"] == fate].groupby(by)["match"].nunique()
    return {str(name): int(count) for name, count in counts.items()}


def test_the_freer_a_pattern_the_more_it_finds() -> None:
    view = Pattern.begin("view").where(is_view)
    three = {
        "next": view.next("purchase").where(is_purchase),
        "followed_by": view.followed_by("purchase").where(is_purchase),
        "followed_by_any": view.followed_by_any("purchase").where(is_purchase),
    }
    assert found(matches(three, two_and_two()), by="pattern") == {"next": 1, "followed_by": 2, "followed_by_any": 4}


@pytest.mark.parametrize(
    ("skip", "expected"),
    [
        (AfterMatchSkipStrategy.no_skip(), {"bob": 1, "cas": 2}),
        (AfterMatchSkipStrategy.skip_past_last_event(), {"bob": 1, "cas": 1}),
    ],
)
def test_who_looks_three_times_and_does_not_buy_is_found(
    skip: AfterMatchSkipStrategy, expected: dict[str, int]
) -> None:
    views = Pattern.begin("views", skip).where(is_view).times(3)
    pattern = views.not_followed_by("purchase").where(is_purchase).within(timedelta(minutes=30))
    table = matches(pattern, hesitation())
    assert found(table) == expected
    assert set(table[table["fate"] == "none"]["user"]) >= {"ann"}


def test_what_was_not_finished_in_time_is_told_with_the_time_at_which_it_was_over() -> None:
    pattern = Pattern.begin("view").where(is_view).followed_by("purchase").where(is_purchase)
    table = matches(pattern.within(timedelta(minutes=10)), hesitation(), timeouts=True)
    assert found(table) == {"ann": 2}
    assert found(table, "timed out") == {"ann": 1, "bob": 3, "cas": 4}
    first = table[(table["fate"] == "timed out") & (table["user"] == "ann")].iloc[0]
    assert (first["time"], first["until"]) == (at("10:00"), at("10:10"))
