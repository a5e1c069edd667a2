"""Tenants on one server: how long each waits, and how much of the server each has."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FixedLocator

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, INK, RED, Picture, picture, plain_numbers

BOUND_MS = 250


def tenants_sentence(table: pd.DataFrame) -> str:
    """What the noisy tenant does to the others, and to whom requests are refused. table: of `experiments.tenants`."""
    quiet = table[~table["noisy"]]
    worst = quiet["p99_ms"].max()
    held = "stay under" if worst <= BOUND_MS else "miss"
    refused = ", ".join(f"{row.tenant} {row.refused:,}" for row in rows_of(table) if row.refused)
    return (
        f"The quiet tenants {held} {BOUND_MS} ms: their p99 is up to {_told(worst)}. Refused: {refused or 'nothing'}."
    )


def tenants(table: pd.DataFrame) -> Picture:
    """Left: p50 and p99 of each tenant, on a logarithmic axis; right: the share of the server that each has had.

    table: of `experiments.tenants`.
    """
    figure, (waits, shares) = picture(tenants_sentence(table).partition(". Refused")[0], columns=2, height=3.2)
    colours = [RED if noisy else BLUE for noisy in table["noisy"]]
    places = range(len(table))
    waits.hlines(places, table["p50_ms"].clip(lower=1), table["p99_ms"].clip(lower=1), colors=colours, linewidth=5)
    waits.scatter(table["p50_ms"].clip(lower=1), places, color="white", edgecolor=colours, s=34, zorder=3)
    waits.scatter(table["p99_ms"].clip(lower=1), places, color=colours, s=34, zorder=3)
    waits.axvline(BOUND_MS, color=INK, linestyle="--", linewidth=1)
    waits.annotate(f"{BOUND_MS} ms", (BOUND_MS, -0.55), (3, 0), textcoords="offset points", fontsize=8.5, va="center")
    waits.set_xscale("log")
    plain_numbers(waits.xaxis)
    waits.xaxis.set_major_locator(FixedLocator([1, 10, 100, 1000, 10_000]))
    waits.set(xlabel="latency (ms): half of the requests ○, 99 % ●", ylim=(len(table) - 0.5, -0.8), xlim=(1, 20_000))
    waits.set_yticks(list(places), list(table["tenant"]))
    work = table["work_s"] / max(table["work_s"].sum(), 1e-9)
    shares.barh(list(places), 100 * work, color=colours, height=0.5)
    shares.set(xlabel="of the server's work (%)", xlim=(0, 100), ylim=(len(table) - 0.5, -0.8))
    shares.set_yticks(list(places), [f"{row.requests:,} requests" for row in rows_of(table)])
    for ax in (waits, shares):
        ax.grid(visible=False, axis="y")
    return figure


def _told(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
