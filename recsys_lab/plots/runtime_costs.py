"""Start-up, catching up and latency of one job on two runtimes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.both_runtimes import COLOUR_OF
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import INK, Picture, picture

CLEARLY = 1.5
"""So many times longer is said to be longer; what lies between depends on the machine of the day."""


def runtime_costs_finding(table: pd.DataFrame) -> str:
    """What the cluster costs here, in words that hold from run to run. table: of `experiments.runtime_costs`."""
    here, there = (_row(table, name) for name in ("local", "Apache Flink"))
    starts = "takes longer to start" if there.first_s > CLEARLY * here.first_s else "starts about as fast"
    waits = (
        "on both a result waits for its checkpoint"
        if there.p50_s < 4 * here.p50_s
        else "a result takes much longer to come"
    )
    return f"A cluster of one machine {starts}; {waits}"


def runtime_costs(table: pd.DataFrame) -> Picture:
    """A panel for each cost, a bar for each runtime."""
    figure, axes = picture(runtime_costs_finding(table), columns=3, height=2.7)
    waiting = int(table["waiting"].iloc[0])
    panels = (
        ("first_s", "execute → first result (s)"),
        ("all_s", f"execute → {waiting:,} waiting records done (s)"),
        ("p50_s", "record → committed (s; median, | 95 %)"),
    )
    for ax, (column, label) in zip(axes, panels, strict=True):
        rows = list(rows_of(table))
        for place, row in enumerate(rows):
            value, most = float(getattr(row, column)), float(table[column].max())
            ax.barh(place, value, color=COLOUR_OF.get(str(row.runtime), INK), height=0.5)
            ax.text(value + 0.03 * most, place, f"{value:.1f}", va="center", fontsize=9, color=INK)
            if column == "p50_s":
                ax.plot([row.p95_s] * 2, [place - 0.25, place + 0.25], color=INK, linewidth=2)
        most = max(float(table[column].max()), float(table["p95_s"].max()) if column == "p50_s" else 0.0)
        ax.set_yticks(range(len(table)), list(table["runtime"]) if ax is axes[0] else [""] * len(table))
        ax.set(xlim=(0, 1.3 * most), ylim=(len(table) - 0.4, -0.6))
        ax.set_xlabel(label, fontsize=9)
        ax.grid(visible=False)
    return figure


def _row(table: pd.DataFrame, runtime: str) -> Any:
    return next(rows_of(table[table["runtime"] == runtime]))
