"""Purchases counted by when they happened, beside the same counted by when they arrived."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, ORANGE, Picture, percent, picture


def at_arrival(table: pd.DataFrame) -> Picture:
    """Two counts for each window. table: of `experiments.counted_at_arrival`."""
    share = table["elsewhere"].sum() / max(1, table["happened"].sum())
    figure, (ax,) = picture(f"Counted when they arrive, {percent(share)} of the purchases are in a wrong window")
    ax.bar(table["start"] - 0.9, table["happened"], width=1.8, color=BLUE, label="by when they happened")
    ax.bar(table["start"] + 0.9, table["arrived"], width=1.8, color=ORANGE, label="by when they arrived")
    ax.set(xlabel="start of the window (minutes since the first)", ylabel="purchases in five minutes")
    ax.set_ylim(0, 1.25 * max(1, table[["happened", "arrived"]].to_numpy().max()))
    ax.legend(fontsize=9, frameon=False, loc="upper right", ncols=2)
    return figure
