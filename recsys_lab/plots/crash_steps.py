"""A power cut before and after each step: what an account holds in the end."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Rectangle

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import COLOURS, GREY, INK, RED, Picture, picture

_COLOURS = {"right": COLOURS["fresh"], "too much": COLOURS["stale"], "too little": RED}


def crash_steps_sentence(table: pd.DataFrame) -> str:
    """How many cuts make each sink wrong. table: of `experiments.crash_at_each_step`."""
    told = []
    for sink, rows in table.groupby("sink", sort=False):
        wrong = (rows["held"] != rows["right"]).sum()
        told.append(f"“{sink}” in {wrong} of {len(rows)}")
    return f"One power cut makes the balance wrong: {', '.join(told)}"


def crash_steps(table: pd.DataFrame) -> Picture:
    """A row for each sink, a tile for each cut, with what the account holds then."""
    sinks: list[Any] = list(table.groupby("sink", sort=False))
    figure, (ax,) = picture(crash_steps_sentence(table), height=1.5 + 0.75 * len(sinks))
    for place, (sink, rows) in enumerate(sinks):
        for row in rows_of(rows):
            x = row.step + (0.22 if row.after else -0.22)
            ax.add_patch(Rectangle((x - 0.2, place - 0.16), 0.4, 0.5, color=_COLOURS[_fate(row)], linewidth=0))
            ax.text(x, place + 0.09, f"{row.held}", ha="center", va="center", fontsize=8,
                    color="white" if _fate(row) != "too much" else INK)  # fmt: skip
            if not row.after:
                ax.text(
                    row.step, place - 0.26, row.what.replace("put_all", "put"), ha="center", fontsize=7.5, color=GREY
                )
        ax.text(0.4, place + 0.09, sink, ha="right", va="center", fontsize=9, color=INK)
    for number, (name, colour) in enumerate(_COLOURS.items()):
        ax.text(0.55 + 0.9 * number, -0.75, f"■ {name}", color=colour, fontsize=9)
    most = int(table["step"].max())
    ax.set_xticks(range(1, most + 1), [f"step {step}\nbefore | after" for step in range(1, most + 1)], fontsize=8)
    ax.set(xlim=(-0.55, most + 0.6), ylim=(len(sinks) - 0.4, -0.95))
    ax.set_xlabel("the power fails once; in the tile: what ann's account holds in the end (pence)", fontsize=9)
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    return figure


def _fate(row: Any) -> str:
    if row.held == row.right:
        return "right"
    return "too much" if row.held > row.right else "too little"
