"""The watermark lab: what waiting gains, and what it costs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab.plots.moments import length
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, COLOURS, FAINT, INK, RED, Picture, picture

_UPDATED = COLOURS["stale"]


def lateness_sentence(table: pd.DataFrame) -> str:
    """What becomes of the purchases at the bound in focus, in words. table: of `experiments.lateness`, with `now`."""
    row = _focus(table)
    found, total = row.first + row.updated + row.late, row.purchases
    come = "comes" if row.late == 1 else "come"
    lost = f"{row.late} of {total:,} purchases {come} too late" if row.late else "no purchase comes too late"
    gone = "none is silently gone" if found == total else f"{total - found} IS GONE"
    return (
        f"{_finding(row)} Counted at once {row.first:,}, by an update {row.updated:,}, in the side output {row.late:,}:"
        f" together {found:,}, so {lost} and {gone}."
    )


def lateness(table: pd.DataFrame) -> Picture:
    """Left: where the purchases are found that the first results lack; right: how long a result takes.

    table: of `experiments.lateness`; a column `now` marks the bound that is in focus.
    """
    row = _focus(table)
    figure, (missing, delay) = picture(_finding(row).rstrip("."), columns=2, height=3.5)
    places = list(range(len(table)))
    labels = [length(bound) for bound in table["bound"]]
    here = int((table["bound"] == row.bound).to_numpy().argmax())
    for ax in (missing, delay):
        ax.axvspan(here - 0.5, here + 0.5, color=FAINT, alpha=0.5, linewidth=0, zorder=0)
    shares = 100 / table["purchases"]
    updated, late = table["updated"] * shares, table["late"] * shares
    missing.bar(places, updated, color=_UPDATED, width=0.6, label="in an update")
    missing.bar(places, late, bottom=updated, color=RED, width=0.6, label="too late: side output")
    for place, height in zip(places, updated + late, strict=True):
        missing.text(place, height, _percent(height), ha="center", va="bottom", fontsize=8, color=INK)
    missing.set_xticks(places, labels)
    missing.set(xlabel="bound: how long the watermark waits", ylabel="not in the first result (%)")
    missing.set_ylim(0, max(1.0, 1.22 * (updated + late).max()))
    missing.legend(fontsize=8.5, frameon=False, loc="upper right")
    delay.bar(places, table["delay_s"] / 60, color=BLUE, width=0.6)
    for place, seconds in zip(places, table["delay_s"], strict=True):
        delay.text(place, seconds / 60, f"{seconds / 60:.1f}", ha="center", va="bottom", fontsize=8, color=INK)
    delay.set_xticks(places, labels)
    delay.set(xlabel="bound: how long the watermark waits", ylabel="delay of the first result (min)")
    return figure


def _focus(table: pd.DataFrame) -> Any:
    rows = table[table["now"]] if "now" in table else table.tail(1)
    return next(rows_of(rows))


def _finding(row: Any) -> str:
    share = 100.0 if row.first == row.purchases else min(99.9, 100 * row.first / row.purchases)  # all, or not all
    return (
        f"A bound of {length(row.bound)}: {share:.1f} % are in the first result, "
        f"which comes {row.delay_s / 60:.1f} min after its window."
    )


def _percent(share: float) -> str:
    return "< 0.1" if 0 < share < 0.05 else f"{share:.1f}"
