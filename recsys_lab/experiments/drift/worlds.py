"""Worlds whose drift is known: nothing changes, tastes change at once, slowly, with the season, or new items appear.

What a detector does in a calm world, and before a drift begins, is wrong; where it rings after that is what it finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.experiments.drifts import AbruptDrift, Drift, GradualDrift, NewItems, Season
from recsys_lab.experiments.simulation import simulate

USERS, ITEMS = 1_000, 1_000
BEGINS, TAKES = 10, 10
"""Days: when a drift begins, and how long a gradual one takes."""

DAYS = {"none": 25, "abrupt": 13, "gradual": 21, "season": 25, "new items": 16}
"""Kind of drift → days that are simulated; some 4,300 events each."""

_DAY = timedelta(days=1)
_DRIFTS: dict[str, tuple[Drift, ...]] = {
    "none": (),
    "abrupt": (AbruptDrift(at=BEGINS * _DAY),),
    "gradual": (GradualDrift(start=BEGINS * _DAY, end=(BEGINS + TAKES) * _DAY),),
    "season": (Season("toy", peak=2 * TAKES * _DAY, period=4 * TAKES * _DAY, strength=8.0),),
    "new items": (NewItems(at=BEGINS * _DAY, count=ITEMS),),
}


@dataclass(frozen=True)
class World:
    """A log whose truth is known.

    events: as `simulate` gives them. begins, ends: offsets of the first event of the drift, and of the first after it
    is complete; an abrupt one is complete at once, and in a calm world both are the length of the log.
    """

    kind: str
    events: pd.DataFrame
    begins: int
    ends: int


@lru_cache(maxsize=2)
def world(kind: str, seed: int = 0, *, users: int = USERS) -> World:
    """A world with this kind of drift: one of DAYS.

    A season begins with the log, at its low point, and is complete at its peak; the others begin after BEGINS days.
    Raises InvalidEvent for an unknown kind.
    """
    if kind not in DAYS:
        raise InvalidEvent(f"kind is {shorten(kind)}; there are {', '.join(DAYS)}")
    simulated = simulate(users, ITEMS, DAYS[kind], drift=_DRIFTS[kind], seed=seed)
    events = simulated.events
    if kind == "none":
        return World(kind, events, len(events), len(events))
    moments = (events["timestamp"] - simulated.truth.start) / pd.Timedelta(days=1)
    first, last = {"gradual": (BEGINS, BEGINS + TAKES), "season": (0, 2 * TAKES)}.get(kind, (BEGINS, BEGINS))
    begins, ends = np.searchsorted(moments.to_numpy(), [first, last])
    return World(kind, events, int(begins), int(ends))
