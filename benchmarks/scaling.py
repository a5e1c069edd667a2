"""The scaling plot: how long an answer takes as the number of users grows a thousandfold."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import COLOURS, GREY, Picture, picture


def scaling_plot(table: pd.DataFrame) -> Picture:
    """A table of `recommend_latency.rows` as latency (ms) over users, both logarithmic."""
    first, last = table.iloc[0], table.iloc[-1]
    growth = last["users"] / first["users"]
    p99 = last["recommend_p99_ms"] / first["recommend_p99_ms"]
    figure, [ax] = picture(f"{growth:,.0f} times the users, {p99:.1f} times the p99 of an answer")
    ours = COLOURS["ItemNeighbours"]
    ax.plot(table["users"], table["recommend_p99_ms"], "o-", color=ours, label="ItemNeighbours, p99")
    ax.plot(table["users"], table["recommend_p50_ms"], "o--", color=ours, alpha=0.6, label="ItemNeighbours, p50")
    scanned = table.dropna(subset=["scan_p50_ms"])
    ax.plot(scanned["users"], scanned["scan_p50_ms"], "s-", color=GREY, label="scan over all users, p50")
    ax.set(xscale="log", yscale="log", xlabel="users", ylabel="time for an answer (ms)")
    ax.legend(frameon=False)
    return figure
