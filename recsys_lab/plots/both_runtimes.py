"""The results of one job on two runtimes, side by side, and what each run took."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Picture, picture

RUNTIMES = ("local", "Apache Flink")
COLOUR_OF = {"local": BLUE, "Apache Flink": ORANGE}


def both_runtimes_finding(table: pd.DataFrame) -> str:
    """Whether both gave the same, each as often. table: of `experiments.both_runtimes`."""
    here = _rows(table, "local")
    if (table["copies"] == table["other"]).all():
        count = int(here["copies"].sum())
        return f"{count} results on both runtimes: the same, each as often"
    differ = int(here.loc[here["copies"] != here["other"], "copies"].sum())
    if not differ:
        more = int((_rows(table, "Apache Flink")["other"] == 0).sum())
        return f"Apache Flink has {more} result{'s' * (more > 1)} that the local runtime has not"
    return f"{differ} of {int(here['copies'].sum())} local results are not those of Apache Flink"


def both_runtimes_sentence(table: pd.DataFrame) -> str:
    """The same, with what was late and why. table: of `experiments.both_runtimes`."""
    late = {name: int(_rows(table, name)["late"].iloc[0]) for name in RUNTIMES}
    said = f"{both_runtimes_finding(table)}. Late: {late['local']} locally, {late['Apache Flink']} on Apache Flink."
    if table["every_record"].iloc[0]:
        return said
    return (
        f"{said} The watermark moves five times a second now, and all records came within one such step: "
        "what is late depends on the pace of the machine."
        if late["local"] != late["Apache Flink"]
        else f"{said} The watermark moves five times a second now; here it made no difference."
    )


def both_runtimes(table: pd.DataFrame) -> Picture:
    """A column of results for each runtime, in the order in which they came; below, the seconds of each run."""
    most = max(len(_rows(table, name)) for name in RUNTIMES)
    figure, axes = picture(both_runtimes_finding(table), columns=3, height=1.3 + 0.27 * most)
    for ax, name in zip(axes, RUNTIMES, strict=False):
        _column(ax, name, _rows(table, name), most)
    _seconds(axes[2], table)
    return figure


def _column(ax: Axes, name: str, rows: pd.DataFrame, most: int) -> None:
    for place, row in enumerate(rows_of(rows)):
        same = row.copies == row.other
        times = "" if row.copies == 1 else f"  × {row.copies}"
        ax.text(0.03, place, "✓" if same else "✗", fontsize=10, va="center", color=GREEN if same else RED)
        ax.text(0.12, place, f"{row.result}{times}", fontsize=9, va="center", color=INK, family="monospace")
    ax.set_title(name, loc="left", fontsize=10, fontweight="bold", color=COLOUR_OF[name])
    ax.set(xlim=(0, 1), ylim=(most - 0.4, -0.8))
    ax.axis("off")


def _seconds(ax: Axes, table: pd.DataFrame) -> None:
    for place, name in enumerate(RUNTIMES):
        seconds = max(0.001, float(_rows(table, name)["seconds"].iloc[0]))
        told = f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
        ax.barh(place, seconds, left=0.0001, color=COLOUR_OF[name], height=0.5)
        ax.text(seconds * 1.3, place, told, va="center", fontsize=9, color=INK)
    ax.set_xscale("log")
    ax.set_xticks([0.001, 0.01, 0.1, 1, 10], ["1 ms", "10 ms", "0.1 s", "1 s", "10 s"], fontsize=8)
    ax.set(xlim=(0.0005, 200), ylim=(2.1, -0.9), xlabel="from execute to the end (logarithmic)")
    ax.set_yticks([0, 1], ["local", "Flink"])
    ax.grid(visible=False)
    ax.minorticks_off()
    ax.spines["left"].set_color(GREY)


def _rows(table: pd.DataFrame, runtime: str) -> pd.DataFrame:
    return table[table["runtime"] == runtime].sort_values("order")
