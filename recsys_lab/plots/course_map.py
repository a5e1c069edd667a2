"""The map of the course: what builds on what, how long it takes, and what has to run."""

from __future__ import annotations

from textwrap import fill

import pandas as pd

from recsys_lab.plots.boxes import arrow, box, towards
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, Picture, picture

SIZE = (0.8, 0.78)
_COLOUR_OF = {"in memory": BLUE, "starts Kafka": GREEN, "starts Kafka and Flink": ORANGE}


def course_map(notebooks: pd.DataFrame) -> Picture:
    """A box for each notebook, an arrow from each that it builds on.

    notebooks: columns number, title, minutes, needs (a key of the colours), column, row (row 0 on top), builds_on.
    """
    rows = list(rows_of(notebooks))
    hours = notebooks["minutes"].sum() / 60
    finding = f"{len(rows)} notebooks, {hours:.0f} hours of reading; the exercises take longer. Start at 00"
    figure, (ax,) = picture(finding, height=4.9)
    place = {row.number: (float(row.column), -float(row.row)) for row in rows}
    for row in rows:
        for before in row.builds_on:
            arrow(ax, place[before], towards(place[before], place[row.number], SIZE))
        x, y = place[row.number]
        box(ax, (x, y), SIZE, _COLOUR_OF[row.needs])
        ax.text(x, y + 0.24, row.number, ha="center", va="center", fontsize=9, fontweight="bold", color=INK)
        ax.text(x, y - 0.01, fill(row.title, 13), ha="center", va="center", fontsize=8.5, color=INK, linespacing=1.0)
        ax.text(x, y - 0.28, f"{row.minutes} min", ha="center", va="center", fontsize=7.5, color=GREY)
    ax.set_xlim(-0.5, notebooks["column"].max() + 0.5)
    ax.set_ylim(-notebooks["row"].max() - 0.7, 0.45)
    ax.axis("off")
    for number, (needs, colour) in enumerate(_COLOUR_OF.items()):
        ax.text(0.01 + 0.15 * number, 0.0, f"■ {needs}", color=colour, fontsize=9, transform=ax.transAxes)
    return figure
