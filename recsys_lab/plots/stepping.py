"""A job, record by record: arrivals against event time, the watermark between them, and what the job holds."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from recsys_lab.plots.moments import MINUTE, USERS, clock, clock_axis, length
from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, FAINT, GREEN, INK, ORANGE, RED, SKY, Picture, picture

COLOUR_OF = {"ann": BLUE, "bob": ORANGE}
_MARKER_OF = {"view": "o", "purchase": "s"}
WAIT = 5 * MINUTE
"""After which the job of the timers nudges."""


def steps_sentence(table: pd.DataFrame) -> str:
    """What the step that the column `now` marks did, and why. table: of `experiments.steps`, with `now`."""
    now = table[table["now"]]
    number = int(now["step"].iloc[0])
    return f"{_record_words(table, number)}. {_consequence(table, number)}"


def steps(table: pd.DataFrame) -> Picture:
    """Above: the records as they arrive, and the watermark. Below: windows, or timers and state, of each user.

    table: of `experiments.steps`; a column `now` marks the step that is shown (the last one where there is none).
    """
    last = int(table["step"].max())
    now = int(table.loc[table["now"], "step"].iloc[0]) if "now" in table else last
    figure, (arrivals, held) = picture(_record_words(table, now), rows=2, height=5.2)
    figure.set_layout_engine("constrained", h_pad=0.06)
    grid = arrivals.get_gridspec()
    assert grid is not None
    grid.set_height_ratios([1.75, 1])
    _arrivals(arrivals, table, now)
    _held(held, table, now)
    return figure


def _arrivals(ax: Axes, table: pd.DataFrame, now: int) -> None:
    records = table[table["what"] == "record"]
    marks = table[table["what"] == "watermark"].set_index("step")["start"]
    count = len(records)
    _event_time(ax, records)
    ax.set_xticklabels([])
    _watermark(ax, marks, now, count)
    for row in rows_of(records):
        _arrival(ax, row, now, behind=pd.notna(marks[row.step]) and row.start <= marks[row.step])
    ax.set_ylim(count + 0.9, -0.4)
    ax.set_yticks(range(1, count + 1))
    ax.set_ylabel(f"arrival (bound {length(int(table['bound'].iloc[0]))})", fontsize=9)
    ax.set_xlabel("")
    ax.grid(visible=False)


def _watermark(ax: Axes, marks: pd.Series, now: int, count: int) -> None:
    """The way of the watermark until now, what lies behind it in grey, and where it stands in words."""
    left, right = ax.get_xlim()
    steps, levels = [], []
    for step in range(1, min(now, count) + 1):
        steps += [step - 0.5 if step == 1 else step, step + 1]
        levels += [marks[step], marks[step]]
    if levels:
        ax.plot(levels, steps, color=INK, linewidth=1.3, linestyle="--", zorder=1)
    at_the_end = now > count
    level = right if at_the_end else float(levels[-1]) if levels else left
    ax.axvspan(left, level, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
    said = "the end: nothing more will come" if at_the_end else f"watermark {clock(level + 1)}"
    on_the_left = at_the_end or level > left + 0.6 * (right - left)
    _beside(ax, said, (min(level, right), 0.35), 5, on_the_left=on_the_left, fontsize=9, color=INK)


def _arrival(ax: Axes, row: Any, now: int, *, behind: bool) -> None:
    """A record, faintly while it is still to come. behind: the watermark; then its words have room on the left."""
    marker, late = _MARKER_OF[row.text], bool(row.number)
    if row.step > now:
        ax.scatter([row.start], [row.step], s=34, marker=marker, facecolor="white", edgecolor=FAINT, zorder=3)
        return
    ax.scatter([row.start], [row.step], s=62, marker=marker, color=COLOUR_OF.get(row.user, GREEN), zorder=3)
    if late:
        ax.scatter([row.start], [row.step], s=120, marker="x", color=RED, linewidth=2, zorder=4)
    if row.step == now:
        ax.axhspan(row.step - 0.5, row.step + 0.5, color=SKY, alpha=0.25, linewidth=0, zorder=0)
    words, colour = f"{row.user}, {row.text}{': too late' if late else ''}", RED if late else INK
    _beside(ax, words, (row.start, row.step), 9, on_the_left=behind, fontsize=8, color=colour)


def _beside(ax: Axes, said: str, at: tuple[float, float], points: int, *, on_the_left: bool, **look: Any) -> None:
    side, away = ("right", -points) if on_the_left else ("left", points)
    ax.annotate(said, at, (away, 0), textcoords="offset points", ha=side, va="center", **look)


def _event_time(ax: Axes, records: pd.DataFrame) -> None:
    """The axis that both parts share: the records, and what a window or a timer adds behind the last."""
    clock_axis(ax, [*records["start"], records["start"].max() + 2 * MINUTE])
    first, _ = ax.get_xlim()
    ax.set_xlim(first, records["start"].max() + 5.5 * MINUTE)


def _held(ax: Axes, table: pd.DataFrame, now: int) -> None:
    records = table[table["what"] == "record"]
    _event_time(ax, records)
    seen, at_hand = table[table["step"] <= now], table[table["step"] == now]
    users = [user for user in USERS if user in set(records["user"])]
    if table["job"].iloc[0] == "nudges":
        _timers(ax, seen, at_hand, users)
    else:
        _windows(ax, seen, at_hand, users, now)
    ax.set_yticks(range(len(users)), users)
    ax.set_ylim(len(users) - 0.35, -0.95)
    ax.grid(visible=False)


def _windows(ax: Axes, seen: pd.DataFrame, at_hand: pd.DataFrame, users: list[str], now: int) -> None:
    results = seen[seen["what"] == "fired"]
    last = results.groupby(["user", "start", "end"], as_index=False).agg(
        number=("number", "last"), step=("step", "last"), times=("number", "size")
    )
    held = {(row.user, row.start, row.end): row.number for row in rows_of(at_hand[at_hand["what"] == "window"])}
    for row in rows_of(last):
        fresh, kept = row.step == now, (row.user, row.start, row.end) in held
        said = f"{row.number}" + (", updated" if row.times > 1 else "") + (", kept" if kept else "")
        _block(ax, row.start, row.end, users.index(row.user), said, GREEN, 0.95 if fresh else 0.4)
    done = {(row.user, row.start, row.end) for row in rows_of(last)}
    for (user, start, end), number in held.items():
        if (user, start, end) not in done:
            _block(ax, start, end, users.index(user), f"{number} …", None, 1.0)
    _legend(ax, [("□", SKY, "open: records so far"), ("■", GREEN, "fired: the result (dark: in this step)")])


def _timers(ax: Axes, seen: pd.DataFrame, at_hand: pd.DataFrame, users: list[str]) -> None:
    for row in rows_of(at_hand[at_hand["what"] == "state"]):
        y = users.index(row.user)
        ax.plot([row.start, row.start + WAIT], [y, y], color=SKY, alpha=0.5, linewidth=1.2, zorder=1)
        ax.scatter([row.start], [y], s=62, marker=_MARKER_OF[row.text], color=SKY, edgecolor=BLUE, zorder=3)
    for place, row in enumerate(rows_of(at_hand[at_hand["what"] == "timer"].sort_values(["user", "start"]))):
        y = users.index(row.user)
        ax.plot([row.start] * 2, [y - 0.25, y + 0.25], color=INK, linewidth=2.2)
        above = place % 2 == 0  # neighbours must not write over each other
        at, away = (row.start, y - 0.25 if above else y + 0.25), (0, 2 if above else -2)
        ax.annotate(
            clock(row.start), at, away, textcoords="offset points", ha="center", va="bottom" if above else "top",
            fontsize=7.5, color=INK,
        )  # fmt: skip
    for row in rows_of(seen[seen["what"] == "nudged"]):
        ax.scatter([row.start + WAIT], [users.index(row.user)], s=130, marker="*", color=GREEN, zorder=4)
    _legend(ax, [("●", SKY, "state: a record that is remembered"), ("❙", INK, "its timer"), ("★", GREEN, "nudged")])


def _legend(ax: Axes, entries: list[tuple[str, str, str]]) -> None:
    at = 0.0
    for sign, colour, said in entries:
        ax.text(at, 1.0, sign, color=colour, fontsize=9, transform=ax.transAxes, va="top")
        ax.text(at + 0.018, 1.0, said, color=INK, fontsize=8.5, transform=ax.transAxes, va="top")
        at += 0.05 + 0.0115 * len(said)


def _block(ax: Axes, start: int, end: int, y: int, said: str, colour: str | None, strength: float) -> None:
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": SKY, "linewidth": 2}
    if colour is not None:
        look = {"facecolor": colour, "edgecolor": "white", "alpha": strength, "linewidth": 2}
    ax.add_patch(Rectangle((start, y - 0.3), end - start, 0.6, zorder=2, **look))
    dark = colour is not None and strength > 0.5
    ax.text(
        (start + end) / 2, y, said, ha="center", va="center", fontsize=8.5, color="white" if dark else INK, zorder=3
    )


def _record_words(table: pd.DataFrame, number: int) -> str:
    count = int((table["what"] == "record").sum())
    found = table[(table["step"] == number) & (table["what"] == "record")]
    if found.empty:
        return f"Step {number}: the stream is over, and everything that waits is due"
    row = found.iloc[0]
    late = ": too late" if row["number"] else ""
    return f"Record {number} of {count}: {row['user']}'s {row['text']} of {clock(row['start'])}{late}"


def _consequence(table: pd.DataFrame, number: int) -> str:
    marks = table[table["what"] == "watermark"].set_index("step")["start"]
    here = table[table["step"] == number]
    fired, nudged = here[here["what"] == "fired"], here[here["what"] == "nudged"]
    record = here[here["what"] == "record"]
    before = marks.get(number - 1)
    moved = not record.empty and (before is None or pd.isna(before) or marks[number] > before)
    parts = []
    if record.empty:
        parts.append("The watermark jumps to the end of time")
    elif moved:
        parts.append(f"It is the latest so far, so the watermark moves to {clock(marks[number] + 1)}")
    else:
        parts.append(f"The watermark stays at {clock(marks[number] + 1)}")
    if not record.empty and record["number"].iloc[0]:
        parts[0] += ", and every window that the record belongs to is closed: it is dropped, and counted"
    for row in rows_of(_grown(table, number)):
        parts.append(f"{row.user}'s session is now {clock(row.start)}–{clock(row.end)} with {row.number} records")
    called = "session" if table["job"].iloc[0] == "sessions" else "window"
    for row in rows_of(fired):
        earlier = table[(table["step"] < number) & (table["what"] == "fired")]
        again = ((earlier["user"] == row.user) & (earlier["start"] == row.start) & (earlier["end"] == row.end)).any()
        verb = "fires again, corrected" if again else "fires"
        parts.append(f"{row.user}'s {called} {clock(row.start)}–{clock(row.end)} {verb}: {row.number}")
    if table["job"].iloc[0] == "nudges":
        if not record.empty:
            parts.append(f"the record is remembered, and a timer waits for {clock(record['start'].iloc[0] + WAIT)}")
        parts += _timers_due(table, number)
    for row in rows_of(nudged):
        parts.append(f"{row.user} did nothing within 5 minutes of {clock(row.start)}: nudged")
    return "; ".join(parts) + "."


def _timers_due(table: pd.DataFrame, number: int) -> list[str]:
    """Timers of views that fired in this step and nudged nobody, in the job of the timers."""
    states = table[(table["what"] == "state") & (table["text"] == "view")]
    before, here = states[states["step"] == number - 1], table[table["step"] == number]
    gone = here[here["what"].isin(["state", "nudged"])]
    still = set(zip(gone["user"], gone["start"], strict=True))
    due = [row for row in rows_of(before.sort_values("start")) if (row.user, row.start) not in still]
    if not due:
        return []
    whose = ", ".join(f"{row.user}'s of {clock(row.start + WAIT)}" for row in due)
    found = "this timer finds a later record and nudges nobody" if len(due) == 1 else "these timers find a later record"
    return [f"{found}: {whose}"]


def _grown(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """Sessions that this step has made larger."""
    windows = table[(table["what"] == "window") & (table["job"] == "sessions")]
    before = windows[windows["step"] == number - 1]
    here = windows[(windows["step"] == number) & (windows["number"] > 1)]
    known = set(zip(before["user"], before["start"], before["end"], strict=True))
    is_new = [(row.user, row.start, row.end) not in known for row in rows_of(here)]
    return here[is_new]
