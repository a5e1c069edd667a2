"""A crash and what came of it: two lives of a job, its checkpoints, its sinks."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, COLOURS, GREEN, INK, RED, Picture, picture

_LANES = ("first life", "second life", "plain sink", "transactional\nsink")


def crash_sentence(table: pd.DataFrame) -> str:
    """What was worked on again, what the sinks hold, whether the state is right. table: of `experiments.crash`."""
    restored, again = _facts(table)
    start = f"went on at the checkpoint after record {restored}" if restored else "began anew, for lack of a checkpoint"
    state = table[table["what"] == "state"]
    same = "is the same as" if (state["copies"] == state["right"]).all() else "is NOT that of"
    lost = int((table["copies"] < table["right"]).sum())
    twice = f"{again} record{'s' * (again != 1)} once more" if again else "no record twice"
    subtasks = int(table["parallelism"].iloc[0])
    return (
        f"{_finding(table)}. The second life {start}, with {subtasks} subtask{'s' * (subtasks != 1)} instead of 2, and "
        f"worked on {twice}. Its state in the end {same} a run without a crash; "
        f"{lost or 'no'} result{'s are' if lost > 1 else ' is'} lost."
    )


def crash(table: pd.DataFrame) -> Picture:
    """A row for each life with its checkpoints, and one for each sink with the copies of each result.

    table: of `experiments.crash`.
    """
    figure, (ax,) = picture(_finding(table), height=3.5)
    restored, _ = _facts(table)
    at = int(table["at"].iloc[0])
    for row in rows_of(table[table["what"] == "record"]):
        repeated = row.life == 2 and row.number < at
        _tile(ax, row.number, row.life - 1, COLOURS["stale"] if repeated else BLUE, "")
    for row in rows_of(table[table["what"] == "checkpoint"]):
        x, y = row.number + 0.5, row.life - 1
        ax.plot([x, x], [y - 0.42, y + 0.42], color=GREEN, linewidth=3, solid_capstyle="butt", zorder=3)
    for place, what in ((2, "plain"), (3, "transactional")):
        for row in rows_of(table[table["what"] == what]):
            colour = (
                COLOURS["fresh"] if row.copies == row.right else RED if row.copies < row.right else COLOURS["stale"]
            )
            _tile(ax, row.number, place, colour, str(row.copies))
    ax.text(at, 0, "✗", ha="center", va="center", fontsize=15, color=RED, fontweight="bold")
    ax.annotate(
        "", (restored + 0.5, 0.62), (at, 0.3),
        arrowprops={"arrowstyle": "-|>", "color": INK, "connectionstyle": "angle,angleA=90,angleB=0,rad=3"},
    )  # fmt: skip
    count = int(table.loc[table["what"] == "plain", "number"].max())
    ax.set_yticks(range(4), _LANES)
    ax.set_ylim(3.6, -0.75)
    ax.set_xlim(0.2, count + 0.8)
    ax.set_xticks([1, *range(5, count + 1, 5)])
    ax.set_xlabel("record", fontsize=9)
    ax.grid(visible=False)
    for label, colour in (("worked on", BLUE), ("once more, or doubled", COLOURS["stale"]), ("once", COLOURS["fresh"])):
        ax.scatter([], [], s=60, marker="s", label=label, color=colour)
    ax.scatter([], [], s=90, marker="|", color=GREEN, linewidth=3, label="checkpoint")
    ax.scatter([], [], s=60, marker="x", color=RED, linewidth=2, label="crash")
    figure.legend(loc="outside lower left", fontsize=8.5, frameon=False, ncols=5, handletextpad=0.3)
    return figure


def _tile(ax: Axes, x: int, y: int, colour: str, said: str) -> None:
    ax.add_patch(Rectangle((x - 0.4, y - 0.3), 0.8, 0.6, facecolor=colour, linewidth=0, zorder=2))
    ax.text(x, y, said, ha="center", va="center", fontsize=8, color="white" if said == "1" else INK, zorder=3)


def _facts(table: pd.DataFrame) -> tuple[int, int]:
    """The record after which the second life went on, and how many came twice."""
    records = table[table["what"] == "record"]
    first, second = (records.loc[records["life"] == life, "number"] for life in (1, 2))
    return int(second.min()) - 1, len(set(first) & set(second))


def _finding(table: pd.DataFrame) -> str:
    doubled = (table["copies"] > table["right"]).groupby(table["what"]).sum()
    plain, transactional = int(doubled["plain"]), int(doubled["transactional"])
    at = int(table["at"].iloc[0])
    if not plain and not transactional:
        return f"A crash at record {at}: nothing had been sent since the checkpoint, so nothing is doubled"
    results = f"{plain} result{'s' * (plain != 1)}"
    return f"A crash at record {at}: the plain sink doubles {results}, the transactional one {transactional or 'none'}"
