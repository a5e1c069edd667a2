"""Moments of one day on an axis: tables give them as epoch milliseconds, readers want `10:05`."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes

MINUTE = 60_000
USERS = ("ann", "bob", "cas")
ROOM = MINUTE


def clock(milliseconds: float, *, seconds: bool = False) -> str:
    """`10:04`; `10:04:40` where seconds matter or are asked for."""
    moment = pd.Timestamp(int(milliseconds), unit="ms")
    return f"{moment:%H:%M:%S}" if seconds or moment.second else f"{moment:%H:%M}"


def clock_axis(ax: Axes, moments: Iterable[float], *, every: int = 5, label: str = "event time") -> None:
    """An axis over these moments, with a tick every few minutes."""
    known = [float(moment) for moment in moments]
    step = every * MINUTE
    first, last = int(min(known) // step * step), int(-(-max(known) // step) * step)
    ticks = range(first, last + 1, step)
    ax.set_xlim(first - ROOM / 2, last + ROOM / 2)
    ax.set_xticks(list(ticks), [clock(tick) for tick in ticks])
    ax.set_xlabel(label, fontsize=9)
