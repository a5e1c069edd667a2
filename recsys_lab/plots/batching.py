"""Batches: records a second, and how long an acknowledgement takes."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREY, INK, Picture, picture, plain_numbers

TIMES = 3
"""So many times more is said to be more; what lies between depends on the machine of the day."""


def batching_finding(table: pd.DataFrame) -> str:
    """What batches and waiting do, in a sentence that holds for this run and needs no figures."""
    alone, batches = table[table["batch_kb"] == 0], table[table["batch_kb"] >= 16]
    more = alone.empty or batches["per_second"].min() > TIMES * alone["per_second"].max()
    patient = table.loc[table["linger_ms"] >= 100, "p50_ms"]
    paid = bool((patient > table.loc[table["linger_ms"] == 0, "p50_ms"].min()).all())
    gain = "Batches carry many times more" if more else "Here batches carry little more"
    price = "every record pays for the wait" if paid else "the wait is lost in the noise"
    return f"{gain}, and {price}"


def batching_sentence(table: pd.DataFrame) -> str:
    """What the setting in focus does, in words that hold on any machine. table: with a column `now`."""
    row = next(rows_of(table[table["now"]]))
    if not row.batch_kb:
        return "Each record travels alone: a request for each, and the next ones wait for a free place."
    company = "many records share a request" if row.in_a_request > TIMES else "few records share a request"
    wait = f"a lonely record waits {row.linger_ms} ms for company" if row.linger_ms else "nobody waits for company"
    packed = "" if row.compression == "none" else f", and {row.compression} packs each batch"
    return f"When there is much to send, {company}; when there is little, {wait}{packed}."


def batching(table: pd.DataFrame) -> Picture:
    """A row for each setting: throughput on the left, latency on the right. A column `now` marks the one in focus."""
    figure, (rate, wait) = picture(batching_finding(table), columns=2, height=1.5 + 0.42 * len(table))
    now = table["now"] if "now" in table else pd.Series(False, index=table.index)
    colours = [BLUE if focus else GREY for focus in now]
    places = list(range(len(table)))
    rate.barh(places, table["per_second"], color=colours, height=0.55)
    rate.set_yticks(places, [str(setting) for setting in table["setting"]])
    rate.set(xlabel="sent at once: records a second", xlim=(0, 1.1 * table["per_second"].max()))
    wait.hlines(places, table["p50_ms"], table["p99_ms"], color=colours, linewidth=2)
    wait.scatter(table["p50_ms"], places, color=colours, s=45, zorder=3)
    wait.scatter(table["p99_ms"], places, color=colours, marker="|", s=90, zorder=3)
    wait.set_xscale("log")
    plain_numbers(wait.xaxis)
    wait.set_xlim(0.8 * min(1.0, table["p50_ms"].min()), 1.3 * max(200.0, table["p99_ms"].max()))
    wait.set_yticks(places, [""] * len(places))
    wait.set(xlabel="sent evenly: acknowledged after ms (● half, | 99 %)")
    for ax in (rate, wait):
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="#D9D9D9", linewidth=0.6)
    rate.tick_params(axis="y", labelcolor=INK)
    return figure
