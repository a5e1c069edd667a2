"""How the lab's pictures look: one size, one set of colours, the finding as the title.

A colour stands for the same thing in every notebook. They are those of Okabe and Ito ("Color Universal
Design", 2008), which people who confuse red and green can tell apart.
"""

from __future__ import annotations

import base64
import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#7A7A7A"
INK, FAINT = "#222222", "#D9D9D9"

COLOURS = {
    "ItemNeighbours": BLUE,
    "UserNeighbours": ORANGE,
    "Popularity": GREY,
    "TextbookRanking": RED,
    "fresh": GREEN,
    "stale": ORANGE,
    "miss": GREY,
    "honest": BLUE,
    "leaked": RED,
}
"""Colour of each thing that appears in more than one picture."""

WIDTH, HEIGHT = 9.0, 3.6
"""Of a picture, in inches, at 100 pixels each; notebooks show it at twice the resolution."""


class Picture(Figure):
    """A matplotlib figure that a notebook shows sharp, and describes in words where pictures are not shown.

    Its text form is its finding, so a notebook test compares the finding even though pixels may differ.
    """

    finding = ""

    def __repr__(self) -> str:
        return f"Picture: {self.finding}"

    def to_png(self) -> bytes:
        """The picture as PNG, at twice its nominal size, in 256 colours: a third of the bytes in every notebook."""
        drawn, small = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png", dpi=200, pil_kwargs={"compress_level": 1})
        pixels = Image.open(drawn).convert("RGB")
        few = pixels.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.putpalette(_with_white(few.getpalette() or [], at=few.getpixel((0, 0))))
        few.save(small, "PNG")
        return small.getvalue()

    @property
    def pixels(self) -> tuple[int, int]:
        """Nominal width and height on the page."""
        width, height = self.get_size_inches()
        return round(width * 100), round(height * 100)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        width, height = self.pixels
        data = {"text/plain": repr(self), "image/png": base64.b64encode(self.to_png()).decode()}
        return data, {"image/png": {"width": width, "height": height}}


def _with_white(palette: list[int], at: Any) -> list[int]:
    """The palette with the background white again, as it was drawn: fewer colours had made it a light grey."""
    return [*palette[: 3 * at], 255, 255, 255, *palette[3 * at + 3 :]]


def picture(finding: str, *, rows: int = 1, columns: int = 1, height: float = HEIGHT) -> tuple[Picture, list[Axes]]:
    """An empty picture titled with its finding, and its axes in reading order.

    finding: what the reader should see, as a sentence. rows, columns: of axes. height: in inches.
    """
    figure = Picture(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    figure.finding = finding
    figure.suptitle(finding, x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK, wrap=True)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(rows * columns)]
    for ax in axes:
        calm(ax)
    return figure, axes


def calm(ax: Axes) -> None:
    """Take away what is not data: two spines, dark ticks, all but a faint horizontal grid."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=9, length=3)
    ax.grid(axis="y", color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)


def plain_numbers(axis: Axis) -> None:
    """On a logarithmic axis: 0.5, 1, 2, 5, 10 rather than powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def percent(share: float) -> str:
    """A share, 0 to 1, as people write it: `61 %`."""
    return f"{100 * share:.0f} %"
