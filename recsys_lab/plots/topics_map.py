"""The topics of the recommendation system, and who reads what."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.boxes import arrow, box
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, INK, ORANGE, Picture, picture

WIDTH, HEIGHT = 0.84, 0.6
_COLOUR_OF = {"topic": BLUE, "shared by a group": GREEN, "read in full by each instance": ORANGE}


def topics_map(parts: pd.DataFrame) -> Picture:
    """A box for each topic and each reader, an arrow along the way of the records.

    parts: columns part, says, group (a key of the colours), column, row (row 0 on top), feeds (parts it goes to).
    """
    finding = "Work is split by key; what all must know goes through one log with one order"
    figure, (ax,) = picture(finding, height=3.9)
    rows = list(rows_of(parts))
    place = {row.part: (float(row.column), -float(row.row)) for row in rows}
    for row in rows:
        for target in row.feeds:
            _arrow(ax, place[row.part], place[target])
    for row in rows:
        _box(ax, *place[row.part], row.part, row.says, _COLOUR_OF[row.group])
    ax.set_xlim(parts["column"].min() - 0.48, parts["column"].max() + 0.48)
    ax.set_ylim(-parts["row"].max() - 0.75, 0.42)
    ax.axis("off")
    for number, (group, colour) in enumerate(_COLOUR_OF.items()):
        ax.text(0.01 + 0.2 * number + 0.06 * (number > 1), 0.01, f"■ {group}", color=colour, fontsize=9,
                transform=ax.transAxes)  # fmt: skip
    return figure


def _box(ax: Axes, x: float, y: float, part: str, says: str, colour: str) -> None:
    box(ax, (x, y), (WIDTH, HEIGHT), colour)
    ax.text(x, y + 0.07, part.replace("-", "-\n", 1) if len(part) > 18 else part, ha="center", va="center",
            fontsize=8.5, fontweight="bold", color=INK, linespacing=1.0)  # fmt: skip
    ax.text(x, y - 0.16, says, ha="center", va="center", fontsize=7.5, color=INK)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From rim to rim: to the right, or straight down."""
    (x, y), (to_x, to_y) = start, end
    if x == to_x:
        arrow(ax, (x, y - HEIGHT / 2), (to_x, to_y + HEIGHT / 2))
    else:
        arrow(ax, (x + WIDTH / 2, y), (to_x - WIDTH / 2, to_y))
