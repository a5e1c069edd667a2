"""How good the recommenders are: their figures beside each other, and how these went through the log."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.style import COLOURS, FAINT, INK, Picture, percent, picture

LEARNED = 0.8
"""A recommender that has this share of its last hit rate after a quarter of the log learns fast."""


def hit_rates(figures: pd.DataFrame) -> Picture:
    """Left: all questions; right: the first item of a new basket. figures: of `experiments.compare`."""
    best, next_best = figures["hit_rate"].nlargest(2).index
    times = figures["hit_rate"][best] / figures["hit_rate"][next_best]
    finding = f"{best} finds the next item {percent(figures['hit_rate'][best])} of the time, {times:.1f} × {next_best}"
    figure, axes = picture(finding, columns=2, height=2.7)
    panels = (
        ("hit_rate", "questions", "any next item"),
        ("first_hit_rate", "first_questions", "first item of a new basket"),
    )
    for ax, (column, count, title) in zip(axes, panels, strict=True):
        shares = 100 * figures[column].iloc[::-1]
        ax.barh(shares.index, shares, color=[COLOURS[name] for name in shares.index], height=0.62)
        for place, share in enumerate(shares):
            ax.text(share + 0.4, place, f"{share:.1f}", va="center", fontsize=9, color=INK)
        ax.set_title(f"{title} ({figures[count].iloc[0]:,} questions)", loc="left", fontsize=9.5, color=INK)
        ax.set(xlabel="among the ten shown (%)", xlim=(0, 114 * figures["hit_rate"].max()))
        ax.grid(visible=False)
    axes[1].set_yticks([])
    return figure


def learning_curves(curves: pd.DataFrame) -> Picture:
    """The hit rate of the latest stretch of the log, as each recommender learns. curves: of `experiments.curves`."""
    last = curves.groupby("recommender", sort=False)["hit_rate"].last()
    best = last.idxmax()
    smooth = curves.groupby("recommender", sort=False)["recent_hit_rate"].rolling(10, min_periods=5).mean()
    start = smooth[best].dropna().iloc[0]
    end = smooth[best].iloc[-1]
    seen = curves.loc[curves["recommender"] == best, "events"]
    quarter = int((seen <= seen.max() / 4).sum()) - 1
    early = smooth[best].iloc[quarter]
    if early >= LEARNED * end:
        number = int(seen.iloc[quarter])
        within = round(number, 1 - len(str(number)))
        finding = f"{best} learns fast: from {percent(start)} to {percent(early)} within {within:,} purchases"
    else:
        finding = f"{best} goes on learning: from {percent(start)} at first to {percent(end)} at the end"
    figure, (ax,) = picture(finding, height=3.2)
    for name, rows in curves.groupby("recommender", sort=False):
        thousands = rows["events"] / 1000
        ax.plot(thousands, 100 * smooth[name].to_numpy(), color=COLOURS[str(name)], linewidth=2)
    ax.set(xlabel="purchases seen (thousands)", ylabel="next item among the ten (%)", ylim=(0, None))
    ax.margins(x=0)
    ax.grid(axis="x", color=FAINT, linewidth=0.4)
    _name_the_lines(ax, 100 * smooth.groupby("recommender", sort=False).last())
    return figure


def _name_the_lines(ax: Axes, heights: pd.Series) -> None:
    """Names beside the ends of the lines, moved apart where they would overlap."""
    apart = 0.062 * ax.get_ylim()[1]
    below = -apart
    for name, height in heights.sort_values().items():
        below = max(height, below + apart)
        ax.text(
            1.01,
            below,
            str(name),
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=9,
            color=COLOURS[str(name)],
        )
