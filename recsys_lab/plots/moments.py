"""Moments of one day on an axis: tables give them as epoch milliseconds, readers want `10:05`."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes

MINUTE = 60_000
USERS = ("ann", "bob", "cas")
ROOM = MINUTE


def clock(milliseconds: float) -> str:
    """`10:04`; `10:04:40` where seconds matter."""
    moment = pd.Timestamp(int(milliseconds), unit="ms")
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def length(seconds: int) -> str:
    """`30 s`; `5 min` where it is whole minutes."""
    return f"{seconds} s" if seconds < 60 or seconds % 60 else f"{seconds // 60} min"


def clock_axis(ax: Axes, moments: Iterable[float]) -> None:
    """An axis of event time over these moments, with a tick every five minutes."""
    known = [float(moment) for moment in moments]
    step = 5 * MINUTE
    first, last = int(min(known) // step * step), int(-(-max(known) // step) * step)
    ticks = range(first, last + 1, step)
    ax.set_xlim(first - ROOM / 2, last + ROOM / 2)
    ax.set_xticks(list(ticks), [clock(tick) for tick in ticks])
    ax.set_xlabel("event time", fontsize=9)
