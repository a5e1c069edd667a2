"""Delivery guarantees after a crash: which events are in the copy, which are missing, which stand there twice."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Rectangle

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import COLOURS, GREY, INK, RED, Picture, picture

BATCH = 5
_KILLED = {
    "polled": "killed with the batch in hand",
    "record": "killed at work on the batch",
    "processed": "killed when all was worked on",
    "sent": "killed when the results were sent",
    "committed": "killed when it had committed",
}
_ONCE, _TWICE = COLOURS["fresh"], COLOURS["stale"]


def crashes_sentence(table: pd.DataFrame) -> str:
    """What the copy lost and doubled, in a sentence; and what was worked on twice. table: of `experiments.crashes`."""
    lost, doubled, again = _counts(table)
    case = table.iloc[0]
    said = f"{case['delivery'].replace('-', ' ').capitalize()}, {_KILLED[case['crash']]}: {_fate(lost, doubled)}"
    if not again:
        return f"{said}. No event was worked on twice."
    return f"{said}. {again} events were worked on twice: what a processor does outside of Kafka, no commit undoes."


def crashes_finding(table: pd.DataFrame) -> str:
    """Of one case: what became of the events; of several: the worst of each guarantee."""
    if table.groupby(["delivery", "crash"]).ngroups == 1:
        return crashes_sentence(table).partition(". ")[0]
    worst = []
    for delivery, rows in table.groupby("delivery", sort=False):
        lost, doubled, _ = _counts(rows)
        done = [f"loses {lost}" if lost else "", f"doubles {doubled}" if doubled else ""]
        worst.append(f"{str(delivery).replace('-', ' ')} {' and '.join(filter(None, done)) or 'does neither'}")
    return f"kill -9: {', '.join(worst)}"


def crashes(table: pd.DataFrame) -> Picture:
    """A row of tiles for each case: events once, missing or twice in the copy; dots: how often they were worked on."""
    cases: list[Any] = list(table.groupby(["delivery", "crash"], sort=False))
    figure, (ax,) = picture(crashes_finding(table), height=1.35 + 0.85 * len(cases))
    for place, ((delivery, crash), rows) in enumerate(cases):
        for row in rows_of(rows):
            _tile(ax, row.event + 0.6 * ((row.event - 1) // BATCH), place, row.copies, row.worked)
        label = f"{delivery.replace('-', ' ')}\n{_KILLED[crash]}"
        ax.text(0.1, place, label, ha="right", va="center", fontsize=8.5, color=INK, linespacing=1.4)
    for place, name in enumerate(("in the copy once", "lost", "doubled")):
        colour = (_ONCE, RED, _TWICE)[place]
        ax.text(1 + 5.6 * place, -0.85, f"{'□' if name == 'lost' else '■'} {name}", color=colour, fontsize=9)
    ax.text(16.9, -0.85, "• worked on, •• twice", color=GREY, fontsize=9)
    second = 1 + BATCH + 0.6
    ax.annotate(
        "second batch: the crash", (second + 2, len(cases) - 0.45), ha="center", va="top", fontsize=8.5, color=RED
    )
    ax.set(xlim=(-6.4, 23.2), ylim=(len(cases) - 0.15, -1.15))
    ax.axis("off")
    return figure


def _tile(ax: Any, x: float, y: float, copies: int, worked: int) -> None:
    corner, size = (x - 0.42, y - 0.36), 0.84
    if copies:
        ax.add_patch(Rectangle(corner, size, 0.5, color=_ONCE if copies == 1 else _TWICE, linewidth=0))
    else:
        ax.add_patch(Rectangle(corner, size, 0.5, facecolor="white", edgecolor=RED, linestyle="--"))
    ax.text(x, y - 0.11, str(copies), ha="center", va="center", fontsize=8, color="white" if copies == 1 else INK)
    if worked:
        ax.text(x, y + 0.27, "•" * worked, ha="center", va="center", fontsize=8, color=GREY)


def _counts(table: pd.DataFrame) -> tuple[int, int, int]:
    """Events that are missing, that stand there more than once, that were worked on more than once."""
    return tuple(int(count.sum()) for count in (table["copies"] == 0, table["copies"] > 1, table["worked"] > 1))  # type: ignore[return-value]


def _fate(lost: int, doubled: int) -> str:
    if not lost and not doubled:
        return "none lost, none doubled"
    return f"{lost or 'none'} lost, {doubled or 'none'} doubled"
