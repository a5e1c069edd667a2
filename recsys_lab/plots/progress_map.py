"""The twelve study questions, and how far one has come."""

from __future__ import annotations

from textwrap import fill

import pandas as pd

from recsys_lab.plots.boxes import box
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, Picture, picture

STATES = {"open": FAINT, "tried": ORANGE, "solved": GREEN, "solved after a look": BLUE}


def progress_map(progress: pd.DataFrame) -> Picture:
    """A box for each question, a row for each level.

    progress: a row for each question: id (`level-number`), title, state (a key of STATES), attempts, hints.
    """
    solved = int(progress["state"].str.startswith("solved").sum())
    figure, (ax,) = picture(f"{solved} of {len(progress)} questions solved", height=3.7)
    levels = list(dict.fromkeys(each.rpartition("-")[0] for each in progress["id"]))
    rows = list(rows_of(progress))
    for row in rows:
        level, _, number = row.id.rpartition("-")
        x, y = int(number) - 1.0, -float(levels.index(level))
        box(ax, (x, y), (0.92, 0.8), STATES[row.state])
        ax.text(x, y + 0.2, row.id, ha="center", fontsize=8, color=GREY)
        ax.text(x, y, fill(row.title, 30), ha="center", va="center", fontsize=8.5, color=INK)
        ax.text(x, y - 0.3, _told(row.state, row.attempts, row.hints), ha="center", fontsize=7.5, color=GREY)
    ax.set_xlim(-0.5, 3.5)
    ax.set_ylim(-len(levels) + 0.35, 0.5)
    ax.axis("off")
    for place, (state, colour) in enumerate(STATES.items()):
        ax.text(0.01 + 0.14 * place, -0.02, f"■ {state}", color=colour if state != "open" else GREY, fontsize=9,
                transform=ax.transAxes)  # fmt: skip
    return figure


def _told(state: str, attempts: int, hints: int) -> str:
    if not attempts and not hints:
        return state
    helped = f", {hints} hint{'s' * (hints != 1)}" if hints else ""
    return f"{attempts} attempt{'s' * (attempts != 1)}{helped}"
