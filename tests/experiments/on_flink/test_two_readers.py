"""What two readers had at each moment of a run whose TaskManager was killed."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab.experiments.on_flink.two_readers import MOMENTS, readers_at
from tests.experiments.on_flink.runs import a_killed_run


def had(table: pd.DataFrame) -> dict[str, int]:
    return table.groupby("reader").size().to_dict()


@pytest.mark.parametrize(
    ("moment", "records"),
    [
        ("written", {"all": 2}),
        ("committed", {"all": 2, "committed": 2}),
        ("killed", {"all": 4, "committed": 2}),
        ("end", {"all": 8, "committed": 6}),
    ],
)
def test_a_moment_holds_what_came_until_then(moment: str, records: dict[str, int]) -> None:
    assert had(readers_at(a_killed_run(), moment)) == records


def test_results_that_come_again_are_second_copies_for_the_reader_that_saw_them() -> None:
    again = readers_at(a_killed_run(), "again")
    end = readers_at(a_killed_run(), "end")

    assert (again["now"] > again["killed"]).all()
    assert sorted(end.loc[end["copy"] == 2, "value"]) == ["result 2", "result 3"]
    assert set(end.loc[end["copy"] == 2, "reader"]) == {"all"}


def test_moments_come_one_after_the_other() -> None:
    times = [float(readers_at(a_killed_run(), moment)["now"].iloc[0]) for moment in MOMENTS]

    assert times == sorted(times)
