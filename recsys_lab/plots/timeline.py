"""The event timeline: what each part of the engine did, step by step."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.colors import to_rgba

from recsys_lab.plots.rows import rows_of
from recsys_lab.plots.style import BLUE, COLOURS, FAINT, GREY, INK, RED, Picture, picture

LINES = 4
"""Lines of detail under the timeline, always as many, so that the picture does not jump."""

REQUEST_LANES = 4
"""From this lane on it is about requests."""

_COLOUR_OF = {"hit": COLOURS["fresh"], "stale hit": COLOURS["stale"], "miss": COLOURS["miss"], "dropped": RED}


def event_timeline(story: pd.DataFrame) -> Picture:
    """A lane for each part, a column for each step, and what happened there.

    story: columns step, time, story, lane (ordered), what, detail. Where there is a column `now`, the step it
    marks is shown in full, with its details below, and what comes later only faintly.
    """
    focus = story[story["now"]] if "now" in story else story.iloc[:0]
    figure, (ax,) = picture(_finding(story, focus), height=4.1 if focus.empty else 5.0)
    lanes = list(story["lane"].cat.categories)
    times = story.groupby("step")["time"].first()
    now = None if focus.empty else int(focus["step"].iloc[0])
    rows = list(rows_of(story))
    strengths = [1.0 if now is None or row.step == now else 0.5 if row.step < now else 0.13 for row in rows]
    places = [lanes.index(row.lane) for row in rows]
    colours = [to_rgba(_colour(*of)) for of in zip([row.what for row in rows], places, strengths, strict=True)]
    ax.scatter([row.step for row in rows], places, s=90, c=colours, linewidth=0, zorder=2)
    for row, place, strength in zip(rows, places, strengths, strict=True):
        at, below = (row.step, place), (0, -7)
        ax.annotate(
            row.what, at, below, textcoords="offset points", ha="center", va="top", fontsize=7.5, alpha=strength
        )
    for step in times.index:
        touched = [place for row, place in zip(rows, places, strict=True) if row.step == step]
        ax.plot([step, step], [min(touched), max(touched)], color=FAINT, linewidth=1.2, zorder=1)
    if now is not None:
        ax.axvspan(now - 0.5, now + 0.5, color=FAINT, alpha=0.45, linewidth=0, zorder=0)
        ax.set_xlabel(_details(focus), loc="left", fontsize=8.5, color=INK, linespacing=1.5)
    ax.set_xticks(list(times.index), [f"{time:%H:%M}\n:{time:%S}" for time in times], fontsize=8)
    ax.set_yticks(range(len(lanes)), lanes)
    ax.set_ylim(len(lanes) - 0.4, -0.6)
    ax.set_xlim(times.index.min() - 0.5, times.index.max() + 0.5)
    return figure


def timeline_sentence(story: pd.DataFrame) -> str:
    """What happened in the step that the column `now` marks, and what it means."""
    focus = story[story["now"]]
    done = [str(what).partition(" ×")[0] for what in focus["what"]]
    meaning = next((words for what, words in _MEANINGS.items() if what in done), "")
    return f"{focus['time'].iloc[0]:%H:%M:%S}: {meaning}"


_MEANINGS = {
    "hit": "the answer was kept, and nothing has changed: served without computing anything.",
    "stale hit": "the answer was kept, but the world has moved on: served at once, and no longer the best.",
    "miss": "no answer to serve: the recommender computes one, and the cache keeps it.",
    "update": "an answer that shows the item would be wrong now: the cache drops it.",
    "dropped": "the recommender and the profile learn at once; what the cache kept for you is dropped.",
    "learns": "the recommender learns from the others too; your answer in the cache is not touched.",
}


def _finding(story: pd.DataFrame, focus: pd.DataFrame) -> str:
    if not focus.empty:
        first = focus.iloc[0]
        return f"Step {first['step']} of {story['step'].max()}: {first['story']}"
    cache = story.loc[story["lane"] == "cache", "what"]
    hits, stale, misses = ((cache == what).sum() for what in ("hit", "stale hit", "miss"))
    served = f"{hits + stale} from the cache, {stale} of them stale"
    return f"{hits + stale + misses} requests: {misses} computed, {served}"


def _colour(what: str, lane: int, strength: float) -> tuple[str, float]:
    return _COLOUR_OF.get(what, BLUE if lane < REQUEST_LANES else GREY), strength


def _details(focus: pd.DataFrame) -> str:
    lines = [textwrap.shorten(f"{row.lane}: {row.detail}", 110, placeholder=" …") for row in rows_of(focus)]
    return "\n" + "\n".join([*lines, *[""] * LINES][:LINES])
