"""Batch against stream: how wrong a list is while it waits, and what running the job more often reads."""

from __future__ import annotations

import pandas as pd

from recsys_lab.plots.style import COLOURS, Picture, picture

_BATCH, _STREAM = COLOURS["stale"], COLOURS["fresh"]


def batch_and_stream_sentence(table: pd.DataFrame) -> str:
    """What the table says, in words. table: of `experiments.batch_and_stream`."""
    read, once = table["batch_read"].iloc[-1], table["stream_read"].iloc[-1]
    return (
        f"{_finding(table)}. To get there it read {read:,} purchases; the stream read each of the {once:,} once, "
        "and its list is never wrong."
    )


def batch_and_stream(table: pd.DataFrame) -> Picture:
    """Left: items that are wrong, over the day; right: purchases read. table: of `experiments.batch_and_stream`."""
    figure, (wrong, read) = picture(_finding(table), columns=2, height=3.5)
    hours = table["minute"] / 60
    wrong.step(hours, table["wrong"], where="post", color=_BATCH, linewidth=1.6, label="batch")
    wrong.plot(hours, 0 * hours, color=_STREAM, linewidth=2.4, label="stream")
    wrong.set(xlabel="hours since the first purchase", ylabel="of the ten best-sellers, wrong", ylim=(-0.3, 10))
    read.step(hours, table["batch_read"], where="post", color=_BATCH, linewidth=1.6, label="batch")
    read.plot(hours, table["stream_read"], color=_STREAM, linewidth=2.4, label="stream")
    read.set(xlabel="hours since the first purchase", ylabel="purchases read so far")
    read.set_ylim(bottom=0)
    for ax in (wrong, read):
        ax.legend(fontsize=9, frameon=False, loc="upper left" if ax is read else "upper right")
    return figure


def _finding(table: pd.DataFrame) -> str:
    every, age, wrong = table["every"].iloc[0], table["age"].mean(), table["wrong"].mean()
    return f"A batch every {every} min: its list is {age:.0f} min old on average, with {wrong:.1f} of ten items wrong"
