"""Partitions and who reads them: a tile for each record, a row for each partition, a line to its reader."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Rectangle

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, PURPLE, RED, SKY, YELLOW, Picture, picture

ROWS = 3
LEAST_WIDTH = 14
_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW, RED, GREY)
_DARK = {BLUE, GREEN, RED, GREY}

_UNDER = {
    "user": "Under one key for each user",
    "item": "Under one key for each item",
    "none": "Without a key",
    "one for all": "Under one key for all",
}


def partitions_finding(table: pd.DataFrame) -> str:
    """What becomes of the order, in a sentence. table: of `experiments.partitions`."""
    users = table.groupby("user")["orders"].first()
    under, mixed = _UNDER[table["keyed_by"].iloc[0]], int((users > 1).sum())
    if mixed:
        return f"{under}, {mixed} of {len(users)} users can have their events read in another order"
    if table["partition"].nunique() == 1:
        return f"{under}, all events keep their order, and lie in one of {ROWS} partitions"
    return f"{under}, every user's events keep their order"


def partitions_sentence(table: pd.DataFrame) -> str:
    """The finding, what each reader gets, and in how many orders the first user's events can be read."""
    readers, counts = int(table["readers"].iloc[0]), table["reader"].value_counts()
    each = [f"{number} gets {counts.get(number, 0)}" for number in range(1, readers + 1)]
    first = table.iloc[0]
    orders = f"{first['orders']} possible orders" if first["orders"] > 1 else "one possible order"
    steps = int((table["user"] == first["user"]).sum())
    said = f"{partitions_finding(table)}. {first['user'].capitalize()}'s {steps} events have {orders}."
    return f"{said} Events by reader: {', '.join(each)}."


def partitions(table: pd.DataFrame) -> Picture:
    """The records of each partition by offset, coloured by user; the line follows the first user, step by step."""
    figure, (ax,) = picture(partitions_finding(table), height=3.7)
    users = list(dict.fromkeys(table["user"]))
    colour = dict(zip(users, _COLOURS, strict=False))
    rows = list(rows_of(table))
    for row in rows:
        ax.add_patch(
            Rectangle((row.offset + 0.04, row.partition - 0.3), 0.92, 0.6, color=colour[row.user], linewidth=0)
        )
        ink = "white" if colour[row.user] in _DARK else INK
        ax.text(row.offset + 0.5, row.partition, str(row.step), ha="center", va="center", fontsize=8, color=ink)
    followed = [(row.offset + 0.5, row.partition + 0.37) for row in rows if row.user == users[0]]
    ax.plot(*zip(*followed, strict=True), color=INK, linewidth=1, linestyle=":", marker=".", markersize=5, zorder=3)
    width = max(LEAST_WIDTH, int(table["offset"].max()) + 1)
    _readers(ax, table, width)
    keys = [Rectangle((0, 0), 1, 1, color=colour[user], label=user) for user in users]
    ax.legend(
        handles=keys, loc="upper center", bbox_to_anchor=(0.42, 1.13), ncols=len(users), fontsize=8, frameon=False,
        handlelength=1.0, handleheight=1.0, columnspacing=1.2,
    )  # fmt: skip
    ax.set_yticks(range(ROWS), [f"partition {number}" for number in range(ROWS)])
    ax.set(
        xlabel=f"offset (numbers: the user's steps; dotted: the way of {users[0]}'s events)",
        xlim=(0, width * 1.32),
        ylim=(ROWS - 0.35, -0.65),
    )
    ax.set_xticks(range(0, width, 2 if width <= 20 else 4))
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    return figure


def _readers(ax: Any, table: pd.DataFrame, width: int) -> None:
    readers = int(table["readers"].iloc[0])
    owners = pd.Series(table["owners"].iloc[0])
    for number in range(1, readers + 1):
        place = (ROWS - 1) * (number - 1) / (readers - 1) if readers > 1 else (ROWS - 1) / 2
        busy = number in set(owners)
        ax.text(
            width * 1.24, place, f"reader {number}" + ("" if busy else "\nidle"), ha="center", va="center", fontsize=9,
            color=INK if busy else GREY,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": INK if busy else FAINT},
        )  # fmt: skip
        for partition in owners.index[owners == number]:
            end = int((table["partition"] == partition).sum())
            ax.plot([end + 0.1, width * 1.17], [partition, place], color=GREY, linewidth=1, zorder=0)
