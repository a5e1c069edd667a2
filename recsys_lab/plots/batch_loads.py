"""Batches through five loads: how late the slowest are, and how many batches it takes."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, GREY, INK, ORANGE, Picture, picture, plain_numbers

MAY_BE_LATE = 0.01
MOST_MS = 1000.0
"""What takes longer is drawn at the edge, and written beside it."""


def batch_loads_sentence(table: pd.DataFrame) -> str:
    """Is the bound kept, with how many batches, and where it is missed or far away. table: of `batched_day`."""
    worst, best = table.loc[table["p99_ms"].idxmax()], table.loc[table["p99_ms"].idxmin()]
    missed = f"It is missed most at {worst['load']} (p99 {worst['p99_ms']:,.0f} ms). "
    missed = missed if worst["late"] > MAY_BE_LATE else ""
    room = f"Most room is left at {best['load']} (p99 {best['p99_ms']:,.0f} ms)."
    return f"{batch_loads_finding(table)}. {missed}{room}"


def batch_loads_finding(table: pd.DataFrame) -> str:
    """In how many loads the bound is kept, and with how many batches. table: of `experiments.batched_day`."""
    kept, batches = int((table["late"] <= MAY_BE_LATE).sum()), int(table["batches"].sum())
    bound = table["bound_ms"].iloc[0]
    return f"p99 is within {bound:.0f} ms in {kept} of {len(table)} loads; the day takes {batches:,} batches"


def batch_loads(table: pd.DataFrame) -> Picture:
    """Left: time from arrival to answer by load, half of the requests and 99 %, and the bound; right: batches."""
    figure, (latency, batches) = picture(batch_loads_finding(table), columns=2, height=3.3)
    places = list(range(len(table)))
    labels = [str(load).replace(" on a machine", "\non a machine") for load in table["load"]]
    colours = [BLUE if late <= MAY_BE_LATE else ORANGE for late in table["late"]]
    half, slowest = table["p50_ms"].clip(upper=MOST_MS), table["p99_ms"].clip(upper=MOST_MS)
    latency.hlines(places, half, slowest, color=colours, linewidth=2)
    latency.scatter(half, places, color=colours, s=45, zorder=3)
    latency.scatter(slowest, places, color=colours, marker="|", s=140, zorder=3)
    for place, taken in enumerate(table["p99_ms"]):
        if taken > MOST_MS:
            latency.text(MOST_MS, place - 0.35, f"{taken / 1000:,.0f} s →", ha="right", fontsize=8.5, color=ORANGE)
    latency.axvline(table["bound_ms"].iloc[0], color=INK, linestyle="--", linewidth=1)
    latency.text(table["bound_ms"].iloc[0], -0.75, " bound", fontsize=8.5, color=INK, va="center")
    latency.set_xscale("log")
    plain_numbers(latency.xaxis)
    latency.set_xlim(8, 1.2 * MOST_MS)
    latency.set_yticks(places, labels)
    latency.set_xlabel("arrival to answer, ms (● half, | 99 %)")
    batches.barh(places, table["batches"], color=GREY, height=0.5)
    for place, (count, size) in enumerate(zip(table["batches"], table["size"], strict=True)):
        batches.text(count, place, f" {count:,} × {size:.0f}", va="center", fontsize=8.5, color=INK)
    batches.set_yticks(places, [""] * len(places))
    batches.set_xlim(0, 1.35 * table["batches"].max())
    batches.set_xlabel("batches in two minutes, of so many requests each")
    for ax in (latency, batches):
        ax.set_ylim(len(table) - 0.5, -1.0)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    return figure
