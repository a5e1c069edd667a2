"""The feature lab: move the moment of a question, and see what a feature may know; then let it leak."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, switch

WINDOWS_HOURS = (6, 12, 24, 48)


def feature_lab(
    interactions: pd.DataFrame,
    user_id: str,
    item_id: str,
    *,
    hours: int = 24,
    window_hours: int = 24,
    leak: bool = False,
) -> Bench:
    """As-of reads on one customer's timeline: the moment asked, the window, and the leak, on or off.

    interactions: as `datasets.load` gives them. item_id: what is asked about. hours (after the midnight before the
    customer's first event), window_hours, leak: where the controls stand at first.
    """
    theirs = interactions[interactions["user_id"] == user_id]
    midnight = theirs["timestamp"].min().normalize()
    days = (theirs["timestamp"].max().normalize() - midnight) // timedelta(days=1) + 1
    moments = [(f"{midnight + timedelta(hours=hour):%a %H:%M}", hour) for hour in range(12, 24 * days + 1)]

    def experiment(hours: int, window_hours: int, leak: bool) -> pd.DataFrame:
        return experiments.as_of(
            theirs,
            user_id,
            item_id,
            at=(midnight + timedelta(hours=hours)).to_pydatetime(),
            window=timedelta(hours=window_hours),
            end_of_day=leak,
        )

    controls = {
        "hours": choice("the question is asked on", hours, moments),
        "window_hours": choice("window (hours)", window_hours, WINDOWS_HOURS),
        "leak": switch("leak: read the features at the end of that day", leak),
    }
    return Bench("The feature lab", controls, experiment, plots.as_of, _sentence)


def _sentence(table: pd.DataFrame) -> str:
    counts = table.iloc[0]
    events = "1 event" if counts["user"] == 1 else f"{counts['user']} events"
    known = f"The features say: {events}, {counts['user_category']} in this category"
    if not counts["user_item"]:
        return f"{known}, none with this very item."
    early = (table["answer"] & (table["fate"] == "seen too early")).any()
    return (
        f"{known}, {counts['user_item']} with this very item{': the answer stands in the question' if early else ''}."
    )
