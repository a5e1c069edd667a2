"""Patterns in a stream: the events, and the lines that join those of one match."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.moments import clock_axis
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import GREEN, INK, RED, Picture, picture

_MARKER_OF = {"view": "o", "purchase": "s"}


def matches(table: pd.DataFrame) -> Picture:
    """A lane for each pattern or user, the events on it, and under them a line for each match.

    table: of `experiments.matches`.
    """
    by = "pattern" if table["pattern"].nunique() > 1 else "user"
    lanes = list(dict.fromkeys(table[by])) if by == "pattern" else sorted(table[by].unique())
    matched = table[table["match"] > 0]
    depth = {lane: int(matched[matched[by] == lane].groupby(["pattern", "match"]).ngroups) for lane in lanes}
    figure, (ax,) = picture(_finding(table, by, lanes), height=1.5 + sum(0.42 + 0.2 * depth[lane] for lane in lanes))
    clock_axis(ax, [*table["time"], *table["until"].dropna()])
    top, ticks = 0.0, []
    for lane in lanes:
        rows = table[table[by] == lane].drop_duplicates(["user", "time"])
        for row in rows_of(rows):
            colour = "white" if row.type == "view" or row.fate == "late" else INK
            ax.scatter([row.time], [top], s=64, marker=_MARKER_OF[row.type], color=colour, edgecolor=INK, zorder=3)
            if row.fate == "late":
                ax.scatter([row.time], [top], s=64, marker="x", color=RED, zorder=4)
        ticks.append(top)
        top = _lines(ax, matched[matched[by] == lane], top) + 0.75
    ax.set_yticks(ticks, lanes)
    ax.set_ylim(top - 0.35, -0.45)
    ax.grid(visible=False)
    for label, look in (
        ("view", {"marker": "o", "color": "white", "edgecolor": INK}),
        ("purchase", {"marker": "s", "color": INK}),
    ):
        ax.scatter([], [], s=44, label=label, **look)  # type: ignore[arg-type]
    ax.plot([], [], color=GREEN, linewidth=2, marker=".", label="a match")
    if (table["fate"] == "timed out").any():
        ax.plot([], [], color=RED, linewidth=2, marker="x", linestyle=":", label="ran out of time")
    if (table["fate"] == "late").any():
        ax.scatter([], [], s=44, marker="x", color=RED, label="too late, dropped")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=5)
    return figure


def _lines(ax: Axes, matched: pd.DataFrame, top: float) -> float:
    y = top
    for (_, fate, _), rows in matched.groupby(["pattern", "fate", "match"], sort=True):
        y += 0.28
        lost = fate == "timed out"
        times = sorted([*rows["time"], *rows["until"].dropna().head(1)])
        look: dict[str, Any] = {"color": RED, "linestyle": ":"} if lost else {"color": GREEN, "linestyle": "-"}
        ax.plot(times, [y] * len(times), linewidth=2, zorder=2, **look)
        ax.scatter(rows["time"], [y] * len(rows), s=26, color=look["color"], zorder=2)
        if lost:
            ax.scatter(times[-1:], [y], s=36, marker="x", color=RED, zorder=2)
    return y


def _finding(table: pd.DataFrame, by: str, lanes: list[str]) -> str:
    found = table[table["fate"] == "matched"].groupby(by)["match"].nunique()
    if by == "pattern":
        told = ", ".join(f"{lane} finds {int(found.get(lane, 0))}" for lane in lanes)
        return f"The same four events: {told}"
    told = ", ".join(f"{lane} {int(found.get(lane, 0))}" for lane in lanes)
    out = int(table.loc[table["fate"] == "timed out", "match"].nunique())
    more = f"; {out} beginning{'s' * (out != 1)} ran out of time" if out else ""
    return f"Matches by user: {told}{more}"
