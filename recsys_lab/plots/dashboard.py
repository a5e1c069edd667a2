"""The dashboard of a running shop: how it serves, and whether it drifts."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, COLOURS, GREEN, GREY, INK, ORANGE, PURPLE, RED, Picture, picture, plain_numbers

_LATENCY = {"p50_ms": ("p50", BLUE), "p95_ms": ("p95", GREEN), "p99_ms": ("p99", ORANGE), "p999_ms": ("p99.9", RED)}
_CACHE = {
    "cache_hit_rate": ("from the cache", COLOURS["fresh"]),
    "invalidated": ("dropped", "#8A8A8A"),
    "expired": ("expired", "#B5B5B5"),
    "cold": ("cold", "#DEDEDE"),
}


def dashboard_finding(table: pd.DataFrame) -> str:
    """How far the run has come: what is the same on every run, and on every machine."""
    last = table.iloc[-1]
    return f"{last['interactions']:,} of {last['total']:,} purchases, until {last['time']:%-d %B %Y}"


def dashboard(table: pd.DataFrame) -> Picture:
    """Six small pictures of a run. table: of `experiments.live_table`, a row for each stretch of the run."""
    figure, axes = picture(f"The shop after {dashboard_finding(table)}", rows=2, columns=3, height=5.0)
    latency, speed, cache, hits, lists, drift = axes
    x = table["interactions"] / 1_000
    for column, (words, colour) in _LATENCY.items():
        latency.plot(x, table[column], color=colour, linewidth=1.6, marker=".", label=words)
    latency.set_yscale("log")
    plain_numbers(latency.yaxis)
    latency.set_ylabel("time to an answer (ms)")
    speed.plot(x, table["per_second"], color=BLUE, linewidth=1.6, marker=".", label="events and requests a second")
    speed.plot(x, table["lag"], color=RED, linewidth=1.6, marker=".", label="lag (events)")
    speed.set(ylabel="throughput, lag", ylim=(0, 1.3 * max(1.0, table["per_second"].max(), table["lag"].max())))
    cache.stackplot(
        x, [100 * table[name] for name in _CACHE],
        colors=[colour for _, colour in _CACHE.values()], labels=[words for words, _ in _CACHE.values()],
    )  # fmt: skip
    cache.set(ylabel="requests (%)", ylim=(0, 100))
    hits.plot(x, table["recent_hit_rate"], color=GREY, linewidth=0, marker=".", label="just now")
    hits.plot(x, table["hit_rate"], color=BLUE, linewidth=2, label="so far")
    hits.set(ylabel="hit rate @ 10", ylim=(0, None))
    lists.plot(x, table["rbo"], color=PURPLE, linewidth=1.6, marker=".", label="rank-biased overlap")
    lists.plot(x, table["jaccard"], color=GREY, linewidth=1, marker=".", label="Jaccard")
    lists.set(ylabel="a user's list and the one before", ylim=(0, 1))
    drift.plot(x, table["shown_drift"], color=BLUE, linewidth=1.6, marker=".", label="shown")
    drift.plot(x, table["input_drift"], color=RED, linewidth=1.6, marker=".", label="taken")
    for column, colour in (("error_alarms", INK), ("input_alarms", ORANGE)):
        for moment in x[table[column].diff() > 0]:
            drift.axvline(moment, color=colour, linestyle=":", linewidth=1.4)
    drift.set(ylabel="distance from all before", ylim=(0, None))
    for number, ax in enumerate(axes):
        ax.legend(fontsize=7, frameon=ax is cache, loc="lower left" if ax is cache else "best")
        ax.yaxis.label.set_fontsize(8)
        if number >= 3:
            ax.set_xlabel("interactions (thousands)", fontsize=8)
    return figure
