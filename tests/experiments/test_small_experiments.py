"""Readers of a stream, the seeded replay, cold to warm, and a newcomer's first steps."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.experiments import item_names, open_shop, replay, shelf, subscribers, warm_up
from recsys_lab.experiments.running import run
from tests.shops import small_shop, some_steps


def at_the_end(table: pd.DataFrame, reader: str) -> pd.Series:
    return table[table["reader"] == reader].iloc[-1]


def test_every_event_is_delivered_or_counted_as_missed() -> None:
    table = subscribers(slow_seconds=3, held=20, events=120)
    for reader in ("quick", "slow", "failing"):
        end = at_the_end(table, reader)
        assert end["delivered"] + end["missed"] == 120
        assert end["lag"] == 0


def test_a_slow_reader_misses_events_and_holds_up_nobody() -> None:
    table = subscribers(slow_seconds=3, held=20)
    assert at_the_end(table, "slow")["missed"] > 0
    assert at_the_end(table, "quick")["missed"] == 0
    assert (table.loc[table["reader"] == "quick", "lag"] == 0).all()


def test_a_log_long_enough_or_a_reader_quick_enough_misses_nothing() -> None:
    assert at_the_end(subscribers(slow_seconds=3, held=120), "slow")["missed"] == 0
    assert at_the_end(subscribers(slow_seconds=1, held=20), "slow")["missed"] == 0


def test_each_failure_becomes_a_dead_letter() -> None:
    end = at_the_end(subscribers(events=50, fails_every=5), "failing")
    assert (end["errors"], end["dead_letters"], end["delivered"]) == (10, 10, 50)


def test_a_stream_that_holds_nothing_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="held is 0"):
        subscribers(held=0)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    runs = replay(small_shop().head(300), seeds=(7, 7, 8))
    first, second, other = runs["sha256"]
    assert first == second != other
    assert runs["responses"].gt(0).all()


def test_the_same_customers_are_asked_about_at_every_point() -> None:
    table = warm_up(small_shop(), newcomers_from=pd.Timestamp("2026-01-02", tz="UTC"), known=(0, 1, 5))
    assert table["customers"].nunique() == 1
    assert table["hits"].le(table["customers"]).all()


def test_a_time_after_which_nobody_came_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="newcomers_from"):
        warm_up(small_shop(), newcomers_from=pd.Timestamp("2027-01-01", tz="UTC"))


def test_a_newcomers_list_holds_ten_items_at_every_step_and_never_one_that_was_viewed() -> None:
    steps = some_steps()
    assert steps.groupby("step").size().tolist() == [10, 10, 10, 10]
    for step in (1, 2, 3):
        viewed = set(steps.loc[steps["step"] <= step, "viewed"])
        assert viewed.isdisjoint(steps.loc[steps["step"] == step, "name"])


def test_a_shelf_says_which_interaction_spoke_for_an_item() -> None:
    async def after_a_view() -> pd.DataFrame:
        shop = await open_shop(small_shop().head(600))
        await shop.process_user_interaction("you", small_shop()["item_id"].iloc[0], "view")
        shown = await shop.get_recommendations("you", 5)
        await shop.stop()
        return shelf(shown, item_names(small_shop()))

    because = asyncio.run(after_a_view())["because"]
    assert because.str.startswith("view on").any()


def test_a_coroutine_can_be_run_where_a_loop_runs_already() -> None:
    async def fails() -> None:
        raise LabError("seen")

    async def outer() -> None:
        run(fails())

    with pytest.raises(LabError, match="seen"):
        asyncio.run(outer())
