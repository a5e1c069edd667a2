"""Batch and stream together: how far each way of merging them is from the truth, over some days."""

from __future__ import annotations

import matplotlib.dates as dates
import pandas as pd

from recsys_lab.plots.style import BLUE, GREEN, GREY, ORANGE, RED, Picture, picture

_LOOKS = {
    "batch alone": (GREY, ":"),
    "cleared when finished": (ORANGE, "--"),
    "cut by time": (RED, "-."),
    "cut by offset": (GREEN, "-"),
}


def lambda_views(table: pd.DataFrame) -> Picture:
    """Purchases missing in the answer over time: left for the batch alone, right for three ways to merge.

    table: of `experiments.lambda_views`.
    """
    worst = table.groupby("way")["missing"].max()
    told = ", ".join(f"{way} {worst[way]:,}" for way in ("cut by time", "cleared when finished", "cut by offset"))
    figure, (alone, merged) = picture(f"Purchases missing at worst: {told}", columns=2)
    for way, (colour, line) in _LOOKS.items():
        rows = table[table["way"] == way]
        ax = alone if way == "batch alone" else merged
        ax.step(rows["time"], rows["missing"], where="post", color=colour, linestyle=line, linewidth=1.8, label=way)
    alone.fill_between(
        table.loc[table["way"] == "batch alone", "time"],
        table.loc[table["way"] == "batch alone", "missing"],
        step="post", color=BLUE, alpha=0.12,
    )  # fmt: skip
    alone.set_title("the batch of last night alone", fontsize=9.5, loc="left")
    merged.set_title("batch and speed view, merged", fontsize=9.5, loc="left")
    merged.legend(fontsize=8, frameon=False)
    for ax in (alone, merged):
        ax.xaxis.set_major_locator(dates.DayLocator())  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_formatter(dates.DateFormatter("%a"))  # type: ignore[no-untyped-call]
        ax.set(xlabel="midnight of (day)", ylabel="purchases missing")
    return figure
