"""Regions that copy each other: what is lost with one of them, and how long a write waits to be acknowledged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys_lab.plots.style import BLUE, GREEN, INK, RED, Picture, picture


def regions_sentence(table: pd.DataFrame) -> str:
    """RPO, RTO and waiting, over all schedules. table: of `experiments.regions`, of one choice."""
    rpo, rto, lost = table["rpo_s"].max(), table["rto_s"].max(), int(table["lost"].sum())
    copies = int(table["copies"].iloc[0])
    wait = table["wait_cut_s"].quantile(0.9)
    taken = (
        f"up to {rpo:.1f} s of acknowledged writes are lost with a region"
        if lost
        else "no acknowledged write is lost with one"
    )
    return (
        f"Acknowledged by {copies} of 3 regions: {taken}. In {len(table)} schedules: RPO {rpo:.1f} s ({lost} writes), "
        f"RTO {rto:.1f} s. With a region cut off, a write elsewhere waits up to {wait:.1f} s in nine schedules of ten."
    )


def regions(table: pd.DataFrame) -> Picture:
    """Three rows of dots, one for each schedule: RPO, RTO, and the longest wait while another region is cut off.

    table: of `experiments.regions`, of one choice.
    """
    figure, (ax,) = picture(regions_sentence(table).partition(". In ")[0], height=3.0)
    rows = (
        ("rpo_s", "acknowledged and lost:\nage of the oldest (RPO)", RED),
        ("rto_s", "until the next region\nhas all that is left (RTO)", BLUE),
        ("wait_cut_s", "a write, while another\nregion is cut off", GREEN),
    )
    for place, (name, _, colour) in enumerate(rows):
        values = table[name].dropna().to_numpy()
        spread = (np.arange(len(values)) % 9 - 4) / 16  # side by side, or equal ones would hide each other
        ax.scatter(values, place + spread, s=12, color=colour, alpha=0.6, linewidth=0)
        top = float(values.max(initial=0.0))
        ax.plot([top, top], [place - 0.34, place + 0.34], color=INK, linewidth=1.5)
        ax.annotate(f"{top:.1f} s", (top, place), (5, 0), textcoords="offset points", fontsize=9, va="center")
    ax.set_yticks(range(len(rows)), [label for _, label, _ in rows], fontsize=8.5)
    ax.set(xlabel="seconds, a dot for each schedule; the line is the worst", ylim=(2.6, -0.6), xlim=(-0.5, None))
    ax.margins(x=0.12)
    ax.grid(visible=False, axis="y")
    return figure
