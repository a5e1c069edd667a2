"""The job graph: operators in the order of the records, and where those are dealt out anew."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from recsys_lab.plots.boxes import arrow, box
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, GREEN, GREY, INK, ORANGE, Picture, picture

WIDTH, HEIGHT = 0.8, 0.62
COLOUR_OF = {"source or sink": GREY, "record by record": BLUE, "by key": ORANGE, "remembers": GREEN}
_ENDS = (("source", "records_out"), ("sink", "records_in"))
_CALLED = {"side_output": "side output", "interval_join": "join", "cep": "pattern"}


def job_graph(table: pd.DataFrame) -> Picture:
    """A box for each operator; on the arrows the number of records, once the job has run.

    table: of `experiments.job_graph`.
    """
    rows = list(rows_of(table))
    place = _places(rows)
    width = max(x for x, _ in place.values()) + 1
    height = max(y for _, y in place.values()) + 1
    figure, (ax,) = picture(_finding(table), height=0.85 + 0.85 * height)
    for row in rows:
        for before in row.upstream:
            new_owner = any(other.number == before and other.kind == "key_by" for other in rows)
            count = next(other.records_out for other in rows if other.number == before)
            _arrow(ax, place[before], place[row.number], count, new_owner)
    for row in rows:
        _box(ax, *place[row.number], row)
    ax.set_xlim(-0.55, max(width, 5) - 0.45)
    ax.set_ylim(-height + 0.55, 0.62)
    ax.axis("off")
    for number, (group, colour) in enumerate(COLOUR_OF.items()):
        said = "by key: from here each key has one place" if group == "by key" else group
        ax.text(
            0.01 + (0, 0.16, 0.34, 0.68)[number], 1.0, f"■ {said}", color=colour, fontsize=9, transform=ax.transAxes
        )
    return figure


def _finding(table: pd.DataFrame) -> str:
    memories = int((table["group"] == "remembers").sum())
    holds = f"{'remembers' if memories == 1 else 'remember'} something"
    came, went = (int(table.loc[table["kind"] == kind, column].sum()) for kind, column in _ENDS)
    if came:
        late = int(table["late"].sum())
        through = f"{came:,} records in, {went:,} results out{f', {late:,} too late' if late else ''}"
        return f"{through}; {memories} of {len(table)} operators {holds}"
    keys = int((table["kind"] == "key_by").sum())
    deal = f"{keys} deal{'s' * (keys == 1)} records out by key"
    return f"{len(table)} operators, not yet run: {deal}, {memories} {holds}"


def _places(rows: list[Any]) -> dict[int, tuple[float, float]]:
    """Column by the longest way from a source; row by the first that is free in that column."""
    columns: dict[int, int] = {}
    places: dict[int, tuple[float, float]] = {}
    for row in rows:
        columns[row.number] = max((columns[before] + 1 for before in row.upstream), default=0)
        wanted = min((places[before][1] for before in row.upstream), default=0.0)
        taken = {y for number, (_, y) in places.items() if columns[number] == columns[row.number]}
        while wanted in taken:
            wanted += 1.0
        places[row.number] = (float(columns[row.number]), wanted)
    return places


def _box(ax: Axes, x: float, y: float, row: Any) -> None:
    box(ax, (x, -y), (WIDTH, HEIGHT), COLOUR_OF[row.group])
    called = _CALLED.get(row.kind, row.kind)
    own = "" if row.name.startswith(f"{row.kind}-") else row.name
    size = 9.5 if len(called) < 9 else 8
    ax.text(x, -y + 0.1, called, ha="center", va="center", fontsize=size, fontweight="bold", color=INK)
    ax.text(x, -y - 0.13, own or f"× {row.parallelism}", ha="center", va="center", fontsize=8, color=INK)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], count: int, new_owner: bool) -> None:
    (x, y), (to_x, to_y) = start, end
    colour, width = (ORANGE, 2.2) if new_owner else (GREY, 1.2)
    arrow(ax, (x + WIDTH / 2, -y), (to_x - WIDTH / 2, -to_y), colour=colour, width=width)
    if count:  # above a level arrow and the boxes; on a slanting one, where it meets no other
        middle, above = ((x + to_x) / 2, -(y + to_y) / 2), 0.38 if y == to_y else -0.04
        on_white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        ax.text(middle[0], middle[1] + above, f"{count:,}", ha="center", fontsize=8, color=GREY, bbox=on_white)
