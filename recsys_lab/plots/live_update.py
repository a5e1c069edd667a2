"""A live update: the new version's way through the log, and who answered."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.style import BLUE, GREY, INK, ORANGE, Picture, picture

_COLOURS = {0: ORANGE, 1: GREY, 2: BLUE}


def live_update(table: pd.DataFrame) -> Picture:
    """Above: the lag of the new version. Below: the version of each answer. table: of `experiments.live_update`."""
    failed, mixed = int(table["failed"].sum()), int(table["mixed"].sum())
    finding = (
        f"Version 2 catches up with the log and takes over: {len(table):,} requests, {failed or 'none'} failed, "
        f"{mixed or 'none'} mixed"
    )
    figure, (lag, answers) = picture(finding, rows=2, height=3.8)
    grid = figure.add_gridspec(2, 1, height_ratios=[3, 1])
    for place, ax in enumerate((lag, answers)):
        ax.set_subplotspec(grid[place])
    learning = table.dropna(subset="lag")
    lag.plot(learning["event"], learning["lag"], color=BLUE, linewidth=2)
    lag.set(ylabel="lag of version 2 (events)", ylim=(0, None))
    rows: list[Any] = list(table.groupby("version"))
    for version, some in rows:
        answers.scatter(some["event"], [version] * len(some), s=6, color=_COLOURS[int(version)], linewidth=0)
    answers.set_yticks([1, 2], ["version 1", "version 2"])
    answers.set(xlabel="events in the log", ylim=(0.4, 2.6))
    end = 1.6 * max(learning["event"].min(), learning.loc[learning["lag"] == 0, "event"].min())
    for ax in (lag, answers):
        ax.set_xlim(0, min(end, table["event"].max()))
    swap = table.loc[table["version"] == 2, "event"].min()
    lag.axvline(swap, color=INK, linewidth=1, linestyle="--")
    lag.text(swap, lag.get_ylim()[1], " takes over", va="top", fontsize=9, color=INK)
    answers.axvline(swap, color=INK, linewidth=1, linestyle="--")
    return figure
