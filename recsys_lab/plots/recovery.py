"""How often to take a checkpoint: the whole time, and what a crash throws away, by the interval."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import BLUE, GREY, INK, ORANGE, Picture, picture, plain_numbers


def recovery(table: pd.DataFrame) -> Picture:
    """Left: how long the hour's work took. Right: work lost at a crash. table: of `experiments.recovery`."""
    by = table.groupby("interval_s")
    means, best = by["seconds"].mean() / 60, int(by["seconds"].mean().idxmin())
    young = float(table["young_s"].iloc[0])
    finding = f"Of these, a checkpoint every {best} s ends the work first; the formula says {young:.0f} s"
    figure, (time, loss) = picture(finding, columns=2, height=3.7)
    time.scatter(table["interval_s"], table["seconds"] / 60, s=10, color=BLUE, alpha=0.3, linewidth=0)
    time.scatter(means.index, means, s=50, color=BLUE, zorder=3, label="measured: each run, and the mean")
    time.plot(means.index, by["expected_s"].first() / 60, color=ORANGE, linewidth=1.8, label="expected")
    time.axvline(young, color=INK, linewidth=1, linestyle="--")
    time.annotate(
        r"$\sqrt{2\,C\,M}$", (young, 1), xycoords=("data", "axes fraction"), xytext=(4, -2), textcoords="offset points",
        va="top", fontsize=9, color=INK,
    )  # fmt: skip
    time.set(ylabel="from start to end (minutes)", ylim=(60, None))
    time.axhline(60, color=GREY, linewidth=1, linestyle=":")
    lost = by["lost_s"].sum() / by["crashes"].sum()
    loss.scatter(lost.index, lost, s=50, color=BLUE, zorder=3)
    loss.plot(lost.index, by["expected_loss_s"].first(), color=ORANGE, linewidth=1.8)
    loss.plot(
        lost.index,
        [interval / 2 for interval in lost.index],
        color=GREY,
        linewidth=1,
        linestyle=":",
        label="half an interval",
    )
    loss.set(ylabel="work thrown away at a crash (s)", ylim=(0, None))
    for ax in (time, loss):
        ax.set_xscale("log")
        plain_numbers(ax.xaxis)
        ax.set_xlabel("interval between checkpoints (s)")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=4)
    return figure
