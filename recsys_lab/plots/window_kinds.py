"""Windows of three kinds over the same events, on one line of time."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.patches import Rectangle

from recsys_lab.plots.moments import clock_axis
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREEN, INK, ORANGE, Picture, picture

_COLOUR_OF = {"tumbling": BLUE, "sliding": ORANGE, "session": GREEN}
LANE = 0.36


def window_kinds_sentence(table: pd.DataFrame) -> str:
    """How often an event is counted, and how many sessions there are. table: of `experiments.window_kinds`."""
    counts = {kind: table.loc[table["kind"] == kind, "count"] for kind in ("event", *_COLOUR_OF)}
    each = int(counts["sliding"].sum()) / len(counts["event"])
    times = f"{each:.0f} times" if each == round(each) else f"{each:.1f} times"
    sessions = len(counts["session"])
    sliding = "once" if each == 1 else times
    made = f"{sessions} session{'s' * (sessions != 1)}"
    return f"Tumbling windows count each event once, sliding ones {sliding}; silence makes {made}"


def window_kinds(table: pd.DataFrame) -> Picture:
    """The events, and under them the windows of each kind with their counts. table: of `experiments.window_kinds`."""
    lanes: dict[str, list[float]] = {}
    heights = []
    for kind in _COLOUR_OF:
        lanes[kind] = []
        for row in _of(table, kind):
            free = next((i for i, end in enumerate(lanes[kind]) if end <= row.start), len(lanes[kind]))
            lanes[kind][free : free + 1] = [row.end]
            heights.append((row, free))
    figure, (ax,) = picture(
        window_kinds_sentence(table), height=2.1 + LANE * sum(max(len(x), 1) for x in lanes.values())
    )
    events = table[table["kind"] == "event"]
    clock_axis(ax, [*table["start"], *table["end"]])
    ax.vlines(events["start"], 0, 99, color=FAINT, linewidth=0.8, zorder=0)
    ax.scatter(events["start"], [0] * len(events), s=60, color=INK, zorder=3)
    top, ticks, names = 0.7, [0.0], ["events"]
    for kind, used in lanes.items():
        for row, lane in heights:
            if row.kind == kind:
                y = top + 0.5 * lane
                ax.add_patch(
                    Rectangle(
                        (row.start, y),
                        row.end - row.start,
                        0.4,
                        facecolor="white",
                        edgecolor=_COLOUR_OF[kind],
                        linewidth=2,
                    )
                )
                ax.text(
                    (row.start + row.end) / 2, y + 0.2, str(row.count_), ha="center", va="center", fontsize=9, color=INK
                )
        ticks.append(top + 0.25 * max(len(used), 1))
        names.append(f"{kind}\n{table.loc[table['kind'] == kind, 'label'].iloc[0]}")
        top += 0.5 * max(len(used), 1) + 0.45
    ax.set_yticks(ticks, names)
    ax.set_ylim(top - 0.2, -0.5)
    ax.grid(visible=False)
    return figure


def _of(table: pd.DataFrame, kind: str) -> Any:
    rows = table[table["kind"] == kind].rename(columns={"count": "count_"}).sort_values("start")
    return rows_of(rows)
