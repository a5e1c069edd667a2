"""An interval join: views, purchases, and which go together."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.moments import MINUTE, clock_axis
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import FAINT, GREEN, GREY, INK, SKY, Picture, picture


def joined(table: pd.DataFrame) -> Picture:
    """A lane for each user and item; from each view a bar as long as the join waits. table: of `experiments.joined`."""
    minutes = int(table["minutes"].iloc[0])
    pairs = int((table["viewed"].notna() & table["bought"].notna()).sum())
    bought = table["bought"].dropna()
    alone = int(table.loc[table["viewed"].isna(), "bought"].notna().sum())
    lack = "has" if alone == 1 else "have"
    finding = (
        f"Within {minutes} minutes of a view: {pairs} pairs; {alone} of {bought.nunique()} purchases {lack} no view"
    )
    figure, (ax,) = picture(finding, height=3.3)
    lanes = list(dict.fromkeys(zip(table["user"], table["item"], strict=True)))
    viewed = table["viewed"].dropna()
    clock_axis(ax, [*viewed, *bought, *(viewed + minutes * MINUTE)])
    for row in rows_of(table):
        y = lanes.index((row.user, row.item))
        if pd.notna(row.viewed):
            ax.plot([row.viewed, row.viewed + minutes * MINUTE], [y, y], color=SKY, alpha=0.45, linewidth=9, zorder=0,
                    solid_capstyle="butt")  # fmt: skip
            ax.scatter([row.viewed], [y], s=60, color="white", edgecolor=INK, zorder=3)
        if pd.notna(row.bought):
            paired = pd.notna(row.viewed)
            ax.scatter([row.bought], [y], s=64, marker="s", color=GREEN if paired else GREY, zorder=3)
        if pd.notna(row.viewed) and pd.notna(row.bought):
            ax.annotate(
                "",
                (row.bought, y - 0.1),
                (row.viewed, y - 0.1),
                arrowprops={"arrowstyle": "-|>", "color": GREEN, "connectionstyle": "arc3,rad=-0.25", "linewidth": 1.6},
            )
    ax.set_yticks(range(len(lanes)), [f"{user}, {item}" for user, item in lanes])
    ax.set_ylim(len(lanes) - 0.5, -0.75)
    ax.grid(axis="y", color=FAINT, linewidth=0.4)
    for label, look in (
        ("view, and how long the join waits", {"marker": "o", "color": "white", "edgecolor": INK}),
        ("purchase with a view", {"marker": "s", "color": GREEN}),
        ("purchase without", {"marker": "s", "color": GREY}),
    ):
        ax.scatter([], [], s=44, label=label, **look)  # type: ignore[arg-type]
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=3, handletextpad=0.2)
    return figure
