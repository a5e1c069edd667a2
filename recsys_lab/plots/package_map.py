"""The map of the package: who uses whom."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.boxes import arrow, box, towards
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, INK, ORANGE, Picture, picture

SIZE = (0.86, 0.56)
_COLOUR_OF = {"streaming": BLUE, "learning": GREEN, "experimenting": ORANGE}


def package_map(parts: pd.DataFrame) -> Picture:
    """A box for each part, an arrow to each part that uses it.

    parts: columns part, says (a few words), group, column, row (its place; row 0 on top), used_by (the parts
    that use it).
    """
    finding = "Each part knows only what stands before it; the engine wires them together"
    figure, (ax,) = picture(finding, height=3.8)
    rows = list(rows_of(parts))
    place = {row.part: (row.column, -row.row) for row in rows}
    for row in rows:
        for user in row.used_by:
            arrow(ax, place[row.part], towards(place[row.part], place[user], SIZE), width=1.1)
        _box(ax, *place[row.part], row.part, row.says, _COLOUR_OF[row.group])
    ax.set_xlim(parts["column"].min() - 0.5, parts["column"].max() + 0.5)
    ax.set_ylim(-parts["row"].max() - 0.4, 0.4)
    ax.axis("off")
    for number, (group, colour) in enumerate(_COLOUR_OF.items()):
        ax.text(0.82, 0.14 - 0.07 * number, f"■ {group}", color=colour, fontsize=9, transform=ax.transAxes)
    return figure


def _box(ax: Axes, x: float, y: float, part: str, says: str, colour: str) -> None:
    box(ax, (x, y), SIZE, colour)
    ax.text(x, y + 0.1, part, ha="center", va="center", fontsize=10, fontweight="bold", color=INK)
    ax.text(x, y - 0.12, says, ha="center", va="center", fontsize=8, color=INK)
