"""The map of the package: who uses whom."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, Picture, picture

WIDTH, HEIGHT = 0.86, 0.56
_COLOUR_OF = {"streaming": BLUE, "learning": GREEN, "experimenting": ORANGE}


def package_map(parts: pd.DataFrame) -> Picture:
    """A box for each part, an arrow to each part that uses it.

    parts: columns part, says (a few words), group, column, row (its place; row 0 on top), used_by (the parts
    that use it).
    """
    finding = "Each part knows only what stands before it; the engine wires them together"
    figure, (ax,) = picture(finding, height=3.8)
    rows: list[Any] = list(parts.itertuples())
    place = {row.part: (row.column, -row.row) for row in rows}
    for row in rows:
        for user in row.used_by:
            _arrow(ax, place[row.part], place[user])
        _box(ax, *place[row.part], row.part, row.says, _COLOUR_OF[row.group])
    ax.set_xlim(parts["column"].min() - 0.5, parts["column"].max() + 0.5)
    ax.set_ylim(-parts["row"].max() - 0.4, 0.4)
    ax.axis("off")
    for number, (group, colour) in enumerate(_COLOUR_OF.items()):
        ax.text(0.82, 0.14 - 0.07 * number, f"■ {group}", color=colour, fontsize=9, transform=ax.transAxes)
    return figure


def _box(ax: Axes, x: float, y: float, part: str, says: str, colour: str) -> None:
    corner = (x - WIDTH / 2, y - HEIGHT / 2)
    rim = "round,pad=0,rounding_size=0.06"
    ax.add_patch(
        FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=rim, facecolor="white", edgecolor=colour, linewidth=1.8)
    )
    ax.text(x, y + 0.1, part, ha="center", va="center", fontsize=10, fontweight="bold", color=INK)
    ax.text(x, y - 0.12, says, ha="center", va="center", fontsize=8, color=INK)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From the middle of one box towards the middle of the other, up to its rim; boxes are drawn over it."""
    (x, y), (to_x, to_y) = start, end
    by_side = WIDTH / 2 / abs(to_x - x) if to_x != x else 1.0
    by_top = HEIGHT / 2 / abs(to_y - y) if to_y != y else 1.0
    reach = 1.0 - min(by_side, by_top)
    tip = (x + reach * (to_x - x), y + reach * (to_y - y))
    arrow = FancyArrowPatch(
        start,
        tip,
        arrowstyle="-|>",
        mutation_scale=11,
        color=GREY,
        linewidth=1.1,
        shrinkA=0,
        shrinkB=0,
        zorder=0,
    )
    ax.add_patch(arrow)
