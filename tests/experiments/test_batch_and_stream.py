"""The batch's list of best-sellers against the list of the moment."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments import batch_and_stream
from tests.shops import small_shop


def purchases(*bought: tuple[int, str]) -> pd.DataFrame:
    """bought: minute and item of each."""
    opened = pd.Timestamp("2026-01-01 09:00", tz="UTC")
    rows = [(opened + pd.Timedelta(minutes=minute), item) for minute, item in bought]
    return pd.DataFrame(rows, columns=["timestamp", "item_id"])


def test_a_list_is_as_old_as_the_last_run_of_the_batch() -> None:
    table = batch_and_stream(purchases((0, "lamp"), (3, "mug"), (10, "rug"), (29, "bag")), every=10)
    assert list(table["age"]) == [0, 3, 0, 9]


def test_each_run_reads_the_whole_day_again_and_the_stream_reads_each_purchase_once() -> None:
    table = batch_and_stream(purchases((0, "lamp"), (0, "mug"), (5, "rug"), (10, "bag"), (21, "toy")), every=10)
    assert list(table["batch_read"]) == [2, 2, 2 + 3, 2 + 3 + 4]
    assert list(table["stream_read"]) == [2, 3, 4, 5]


def test_an_item_that_comes_late_is_missed_until_the_next_run() -> None:
    known = [(0, f"item {number}") for number in range(10)] * 2
    table = batch_and_stream(purchases(*known, *[(1, "viral")] * 3, (2, "viral"), (10, "item 0")), every=10)
    assert list(table["wrong"]) == [0, 1, 1, 0]


def test_more_runs_are_less_wrong_and_read_more() -> None:
    shop = small_shop()
    day = shop[shop["timestamp"] < shop["timestamp"].min() + pd.Timedelta(days=1)]
    tables = [batch_and_stream(day, every=every) for every in (5, 60, 240)]
    wrong = [table["wrong"].mean() for table in tables]
    read = [table["batch_read"].iloc[-1] for table in tables]
    assert wrong == sorted(wrong)
    assert read == sorted(read, reverse=True)


@pytest.mark.parametrize(("table", "every"), [(purchases((0, "lamp")), 0), (purchases(), 5)])
def test_what_cannot_be_run_is_refused(table: pd.DataFrame, every: int) -> None:
    with pytest.raises(InvalidEvent, match="at least"):
        batch_and_stream(table, every=every)
