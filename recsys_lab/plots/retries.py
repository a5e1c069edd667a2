"""Retries: a service after an outage, and a herd that comes back at once."""

from __future__ import annotations

from math import ceil
from typing import Any

import pandas as pd

from recsys_lab.plots.style import BLUE, FAINT, GREY, INK, ORANGE, Picture, percent, picture

RECOVERED = 0.95
ACROSS = 3
_AT_THE_END = 20
"""The last seconds: their retries are still to come, so they are not judged."""


def storm_finding(table: pd.DataFrame) -> str:
    """Who answers again at the end. table: of `experiments.storm`."""
    outage = int(table.groupby("policy")["outage"].sum().max())
    start = f"{outage} s of outage" if outage else "No outage"
    shares = _share_at_the_end(table)
    down = [name for name, share in shares.items() if share < RECOVERED]
    if len(shares) == 1:
        return f"{start}, {down[0]}: it never recovers" if down else f"{start}, {next(iter(shares))}: it works again"
    if not down:
        return f"{start}: every policy works again"
    return f"{start}: with {len(down)} of {len(shares)} retry policies it never recovers"


def storm_sentence(table: pd.DataFrame) -> str:
    """Calls for a request, answers at the end, and why. table: of `experiments.storm` with one policy."""
    load, capacity = float(table["load"].iloc[0]), float(table["capacity"].iloc[0])
    share = next(iter(_share_at_the_end(table).values()))
    calls = table["calls"].sum() / table["requests"].sum()
    late = table[table["second"] >= table["second"].max() - _AT_THE_END - 10]
    offered = late["calls"].mean()
    more = "more" if offered > capacity else "less"
    return (
        f"{storm_finding(table)}. A load of {percent(load)} is {load * capacity:.0f} requests a second; they make "
        f"{calls:.1f} calls each. At the end {offered:.0f} calls a second come, {more} than the {capacity:.0f} that "
        f"the service can work on, and {percent(share)} of the requests are answered in time."
    )


def storm(table: pd.DataFrame) -> Picture:
    """A panel for each policy: calls, requests and answers a second; the outage grey. table: of `experiments.storm`."""
    policies: list[Any] = list(table.groupby("policy", sort=False))
    columns = min(ACROSS, len(policies))
    rows = ceil(len(policies) / columns)
    figure, axes = picture(storm_finding(table), rows=rows, columns=columns, height=1.1 + 2.1 * rows)
    most = 1.1 * max(table["calls"].rolling(3).mean().max(), table["capacity"].max())
    for ax, (policy, part) in zip(axes, policies, strict=False):
        first = ax is axes[0]
        out = part.loc[part["outage"], "second"]
        if not out.empty:
            ax.axvspan(out.min(), out.max() + 1, color=FAINT, linewidth=0, zorder=0, label="outage" if first else None)
        smooth = part[["requests", "calls", "answered"]].rolling(3, min_periods=1).mean()
        ax.axhline(
            part["capacity"].iloc[0], color=INK, linewidth=1, linestyle="--", label="capacity" if first else None
        )
        ax.plot(part["second"], smooth["requests"], color=GREY, linewidth=1.2, label="requests" if first else None)
        ax.plot(
            part["second"], smooth["calls"], color=ORANGE, linewidth=1.8, label="calls, retries too" if first else None
        )
        ax.plot(
            part["second"], smooth["answered"], color=BLUE, linewidth=1.8, label="answered in time" if first else None
        )
        ax.set_title(policy, fontsize=9.5, loc="left")
        ax.set(ylim=(0, most), xlim=(0, part["second"].max() - _AT_THE_END))
        if ax in axes[-columns:]:
            ax.set_xlabel("time (s)", fontsize=9)
    for ax in axes[::columns]:
        ax.set_ylabel("a second")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=5)
    return figure


def herd(table: pd.DataFrame) -> Picture:
    """A panel for each way to wait: calls in each second. table: of `experiments.herds`."""
    policies: list[Any] = list(table.groupby("policy", sort=False))
    took = {name: int(rows.loc[rows["accepted"] > 0, "second"].max()) + 1 for name, rows in policies}
    calls = table.groupby("policy")["calls"].sum()
    last, before = policies[-1][0], policies[-2][0]
    finding = (
        f"{last.capitalize()}: all are back after {took[last]} s, with {calls[last]:,} calls; "
        f"{before} alone: {took[before]} s, {calls[before]:,}"
    )
    figure, axes = picture(finding, columns=len(policies), height=3.1)
    end = max(took.values()) + 1
    for ax, (name, rows) in zip(axes, policies, strict=True):
        ax.bar(rows["second"], rows["calls"], color=ORANGE, width=0.9)
        limit = ax.axhline(
            rows["accepts"].iloc[0], color=INK, linewidth=1, linestyle="--", label="what the server can accept"
        )
        ax.set_title(f"{name}: {took[name]} s", fontsize=9.5, loc="left")
        ax.set(xlabel="time (s)", xlim=(-1, end), ylim=(0, 1.05 * table["calls"].max()))
    axes[0].set_ylabel("calls a second")
    figure.legend(handles=[limit], loc="outside lower left", fontsize=8.5, frameon=False)
    return figure


def _share_at_the_end(table: pd.DataFrame) -> dict[str, float]:
    last = table["second"].max() - _AT_THE_END
    late = table[(table["second"] > last - 10) & (table["second"] <= last)]
    sums = late.groupby("policy", sort=False)[["answered", "requests"]].sum()
    return dict(zip(sums.index, sums["answered"] / sums["requests"], strict=True))
