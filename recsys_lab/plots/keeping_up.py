"""Three ways to bring a model up to date, with and without a drift."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.style import BLUE, GREY, INK, ORANGE, RED, Picture, percent, picture

_COLOURS = {"learning": BLUE, "nightly": ORANGE, "frozen": GREY}
_SMOOTH = 3
"""Days that a point of a line stands for."""


def keeping_up(table: pd.DataFrame) -> Picture:
    """The hit rate of each model by day; left without, right with a drift. table: of `experiments.keeping_up`."""
    figure, axes = picture(_finding(table), columns=2, height=3.6)
    panels: list[Any] = [("nothing changes", "none"), ("all tastes change", "abrupt")]
    for ax, (title, drift) in zip(axes, panels, strict=True):
        for model, rows in table[table["drift"] == drift].groupby("model", sort=False):
            sums = rows.set_index("day")[["hits", "questions"]].rolling(_SMOOTH, min_periods=1).sum()
            label = str(model) if ax is axes[0] else None
            ax.plot(
                sums.index, 100 * sums["hits"] / sums["questions"], color=_COLOURS[str(model)], linewidth=2, label=label
            )
        ax.set_title(title, fontsize=9.5, loc="left")
        ax.set_xticks(range(10, int(table["day"].max()) + 1, 5))
        ax.set(xlabel="day", ylim=(0, 58), ylabel="questions hit (%), over three days" if ax is axes[0] else None)
    day = table["drifts_on"].iloc[0]
    axes[1].axvline(day, color=RED, linewidth=1.2, linestyle="--")
    axes[1].text(day, 56, " drift", va="top", fontsize=9, color=INK)
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=3)
    return figure


def _finding(table: pd.DataFrame) -> str:
    after = table[(table["drift"] == "abrupt") & (table["day"] >= table["drifts_on"])]
    sums = after.groupby("model", sort=False)[["hits", "questions"]].sum()
    rates = sums["hits"] / sums["questions"]
    return (
        f"After the drift: learning hits {percent(rates['learning'])}, "
        f"last night's copy {percent(rates['nightly'])}, the frozen one {percent(rates['frozen'])}"
    )
