"""What a cache gives and costs: shares of requests by time to live, and how long answers take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, COLOURS, INK, RED, Picture, percent, picture, plain_numbers

_SHARES = {
    "fresh": ("hit, fresh", COLOURS["fresh"], ""),
    "stale": ("hit, stale", COLOURS["stale"], "///"),
    "invalidated": ("miss, invalidated", "#9A9A9A", ""),
    "expired": ("miss, expired", "#BDBDBD", ""),
    "cold": ("miss, cold", "#DEDEDE", ""),
}


def cache_sentence(row: Any) -> str:
    """A row of `experiments.cache_staleness` in words."""
    if not row.ttl:
        return "With no cache every request is computed, and none is stale"
    served, stale = percent(row.hit_rate), percent(row.stale_share)
    article = "An" if row.ttl in (8, 11, 18) else "A"
    return f"{article} {row.ttl:g}-minute cache serves {served} of requests, {stale} of them stale"


def cache_staleness(table: pd.DataFrame) -> Picture:
    """Left: what became of the requests; right: how long answers took; both by the cache's time to live.

    table: of `experiments.cache_staleness`. The finding is about the row marked `now`, else the last.
    """
    table = table.sort_values("ttl")
    focus = next(rows_of(table[table["now"]] if "now" in table else table.iloc[-1:]))
    figure, (shares, latency) = picture(cache_sentence(focus), columns=2)
    shares.stackplot(
        table["ttl"], [100 * table[name] for name in _SHARES], colors=[c for _, c, _ in _SHARES.values()],
        labels=[label for label, _, _ in _SHARES.values()],
    )  # fmt: skip
    for area, (_, _, hatch) in zip(shares.collections, _SHARES.values(), strict=True):
        area.set(hatch=hatch, edgecolor="white", linewidth=0.4)
    shares.set(xlabel="time to live (minutes)", ylabel="requests (%)", ylim=(0, 100), xlim=(0, table["ttl"].max()))
    figure.legend(*shares.get_legend_handles_labels(), loc="outside lower left", fontsize=8, frameon=False, ncols=5)

    for name, colour, style in (("p99", RED, "--"), ("p50", BLUE, "-")):
        latency.plot(table["ttl"], table[f"{name}_ms"], color=colour, linestyle=style, marker="o", markersize=3)
        end = table[f"{name}_ms"].iloc[-1]
        latency.annotate(
            name, (table["ttl"].iloc[-1], end), (4, 0), textcoords="offset points", color=colour, va="center"
        )
    latency.set_yscale("log")
    plain_numbers(latency.yaxis)
    latency.set(
        xlabel="time to live (minutes)", ylabel="time to an answer (ms, measured)", xlim=(0, table["ttl"].max())
    )
    for ax in (shares, latency):
        ax.axvline(focus.ttl, color=INK, linewidth=1.5, zorder=3)
    return figure


def request_latency(table: pd.DataFrame) -> Picture:
    """The share of answers that came within a time, computed and from the cache.

    table: columns computed_ms, cached_ms. The finding holds no measured number, to be the same on every run.
    """
    quicker = table["cached_ms"].median() < table["computed_ms"].median()
    finding = "An answer from the cache comes sooner than one that is computed"
    figure, (ax,) = picture(finding if quicker else "The cache saves no time here", height=3.0)
    percent = 100 * np.arange(1, len(table) + 1) / len(table)
    for name, words, colour in (("cached_ms", "from the cache", COLOURS["fresh"]), ("computed_ms", "computed", INK)):
        sorted_ms = np.sort(table[name])
        ax.step(sorted_ms, percent, color=colour, linewidth=2, where="post")
        ax.annotate(words, (np.median(sorted_ms), 50), (6, -4), textcoords="offset points", color=colour, fontsize=9)
    ax.set_xscale("log")
    plain_numbers(ax.xaxis)
    ax.set(xlabel="time to an answer (ms, measured on this machine)", ylabel="answers (%)", ylim=(0, 102))
    return figure
