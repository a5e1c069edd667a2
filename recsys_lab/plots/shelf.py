"""A list of recommendations as bars, to watch it change."""

from __future__ import annotations

import pandas as pd
from matplotlib.patches import Patch

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREY, INK, Picture, picture

STAYED = "#B5B5B5"


def shelf_sentence(shelf: pd.DataFrame) -> str:
    """What a step of `experiments.first_steps` shows, in words."""
    step = int(shelf["step"].iloc[0])
    if step == 0:
        return "Nothing is known of you: the list shows what is popular"
    category, count = _commonest(shelf["category"])
    views = "1 view" if step == 1 else f"{step} views"
    return f"After {views}, {int(shelf['new'].sum())} of {len(shelf)} items are new; {count} are {category}"


def shelf(shelf: pd.DataFrame) -> Picture:
    """The list at one step of `experiments.first_steps`: best on top, the new items in blue."""
    figure, (ax,) = picture(shelf_sentence(shelf), height=3.9)
    ax.barh(shelf["place"], shelf["score"], color=[BLUE if new else STAYED for new in shelf["new"]], height=0.68)
    for row in rows_of(shelf):
        ax.text(row.score + 0.006, row.place, row.category, va="center", fontsize=8, color=GREY)
    if shelf["new"].any():
        keys = [Patch(color=BLUE, label="new on the list"), Patch(color=STAYED, label="was on the list before")]
        ax.legend(handles=keys, loc="lower right", fontsize=8, frameon=False)
    ax.set_yticks(shelf["place"], shelf["name"], color=INK)
    ax.set(xlabel="score (0 to 1)", xlim=(0, 0.8), ylim=(len(shelf) + 0.6, 0.4))
    ax.grid(axis="x", color=FAINT, linewidth=0.6)
    ax.grid(axis="y", visible=False)
    return figure


def _commonest(categories: pd.Series) -> tuple[str, int]:
    counts = categories.value_counts()
    best = min(counts.index, key=lambda name: (-counts[name], name))
    return str(best), int(counts[best])
