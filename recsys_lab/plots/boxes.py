"""Boxes and arrows: what the maps are drawn with."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from recsys_lab.plots.style import GREY

Point = tuple[float, float]


def box(ax: Axes, centre: Point, size: Point, colour: str) -> None:
    """A white box with round corners and a coloured rim. size: width and height, in the units of the axes."""
    corner = (centre[0] - size[0] / 2, centre[1] - size[1] / 2)
    rim = "round,pad=0,rounding_size=0.06"
    ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=rim, facecolor="white", edgecolor=colour, linewidth=1.8))


def arrow(ax: Axes, start: Point, tip: Point, *, colour: str = GREY, width: float = 1.2) -> None:
    """An arrow beneath the boxes. width: of its line, in points."""
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11, "shrinkA": 0, "shrinkB": 0, "zorder": 0}
    ax.add_patch(FancyArrowPatch(start, tip, color=colour, linewidth=width, **style))


def towards(start: Point, end: Point, size: Point) -> Point:
    """Where the line from the middle of one box to the middle of another meets the rim of that other, of this size."""
    (x, y), (to_x, to_y) = start, end
    by_side = size[0] / 2 / abs(to_x - x) if to_x != x else 1.0
    by_top = size[1] / 2 / abs(to_y - y) if to_y != y else 1.0
    reach = 1.0 - min(by_side, by_top)
    return x + reach * (to_x - x), y + reach * (to_y - y)
