"""What Flink's web page shows of a job: its tasks, and how records come from one to the next."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Picture, picture

_STATES = {"FINISHED": GREEN, "RUNNING": BLUE}
WIDTH, HEIGHT = 0.78, 0.9


def web_page(table: pd.DataFrame) -> Picture:
    """A box for each task, a layer for each of its subtasks. table: of `experiments.web_page`."""
    figure, (ax,) = picture(_finding(table), height=3.1)
    rows = list(rows_of(table))
    job = rows[0]
    for row in rows:
        for before in row.upstream:
            _arrow(ax, before, row.number, row.shipped)
    for row in rows:
        _box(ax, row)
    state = _STATES.get(str(job.job_state), RED)
    told = f"{job.job}   ■ {job.job_state}   checkpoints: {job.checkpoints}   restarts: {job.restarts}"
    ax.text(-0.5, 0.83, told, fontsize=9.5, color=state, fontweight="bold")
    ax.set(xlim=(-0.55, max(3, len(rows)) - 0.4), ylim=(-0.75, 0.95))
    ax.axis("off")
    return figure


def _finding(table: pd.DataFrame) -> str:
    operators = sum(len(names) for names in table["operators"])
    widths = sorted({int(width) for width in table["parallelism"]})
    each = str(widths[0]) if len(widths) == 1 else f"{widths[0]} to {widths[-1]}"
    slots, tasks = int(table["slots"].iloc[0]), len(table)
    return (
        f"{operators} operators, {tasks} task{'s' * (tasks > 1)} of {each} subtask{'s' * (widths[-1] > 1)} each: "
        f"the job takes {slots} slot{'s' * (slots > 1)}"
    )


def _box(ax: Axes, row: Any) -> None:
    rim = "round,pad=0,rounding_size=0.05"
    for layer in reversed(range(row.parallelism)):
        corner = (row.number - WIDTH / 2 + 0.035 * layer, -HEIGHT / 2 + 0.05 * layer)
        colour = _STATES.get(row.state, RED)
        ax.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, boxstyle=rim, facecolor="white", edgecolor=colour, lw=1.6))
    for place, name in enumerate(row.operators):
        ax.text(row.number, 0.3 - 0.15 * place, name, ha="center", va="center", fontsize=9, color=INK)
    told = f"× {row.parallelism}    {row.records_in:,} in, {row.records_out:,} out"
    ax.text(row.number, -HEIGHT / 2 - 0.1, told, ha="center", va="top", fontsize=8.5, color=GREY)


def _arrow(ax: Axes, start: int, end: int, shipped: str) -> None:
    by_key = shipped == "HASH"
    colour = ORANGE if by_key else GREY
    place = (start + WIDTH / 2, 0.0), (end - WIDTH / 2, 0.0)
    ax.add_patch(FancyArrowPatch(*place, arrowstyle="-|>", mutation_scale=12, color=colour, lw=2, shrinkA=0, shrinkB=0))
    ax.text((start + end) / 2, 0.07, "by key" if by_key else "", ha="center", fontsize=8, color=ORANGE)
