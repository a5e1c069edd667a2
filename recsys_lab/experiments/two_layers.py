"""Batch and stream together: what is served over a few days when the two meet in the wrong place.

Purchases are counted. They come into a log, most of them at once; a share comes hours late, from tills that had lost
their network. Each night a batch reads the log, and is finished hours later. Four ways to answer "how many so far?" are
held against the truth: the batch alone, a speed view that is set to zero when a batch is finished, one that takes the
purchases made since the batch began, and one that goes by the offset in the log.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_HOUR = pd.Timedelta(hours=1)
WAYS = ("batch alone", "cleared when finished", "cut by time", "cut by offset")


def lambda_views(
    purchases: pd.DataFrame, *, batch_hours: int = 2, late_share: float = 0.05, seed: int = 1
) -> pd.DataFrame:
    """Purchases missing in the answer (negative: counted twice), each half hour, for each way.

    purchases: with `timestamp`. Batches begin at midnight, UTC, and take batch_hours. late_share: of purchases, which
    arrive 6 to 18 hours later. Columns: way, time, served, truth, missing.
    """
    made, arrived = _log(purchases, late_share, seed)
    first = made.min().floor("D")
    times = pd.date_range(first, made.max().ceil("D") + pd.Timedelta(days=1), freq="30min")
    nights = pd.date_range(first, times[-1], freq="D")
    rows = []
    for time in times:
        truth = int((arrived <= time).sum())
        done = nights[nights + batch_hours * _HOUR <= time]
        began = done[-1] if len(done) else pd.Timestamp.min.tz_localize("UTC")
        read = arrived <= began  # a place in the log: it is in the order of arrival
        finished = began + batch_hours * _HOUR if len(done) else began
        rest = {
            "batch alone": 0,
            "cleared when finished": int(((arrived > finished) & (arrived <= time)).sum()),
            "cut by time": int(((made > began) & (arrived <= time)).sum()),
            "cut by offset": int((~read & (arrived <= time)).sum()),
        }
        rows += [(way, time, int(read.sum()) + rest[way], truth) for way in WAYS]
    table = pd.DataFrame(rows, columns=["way", "time", "served", "truth"])
    return table.assign(missing=table["truth"] - table["served"])


def _log(purchases: pd.DataFrame, late_share: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """When each purchase was made, and when it came into the log; in the order of the log."""
    random = np.random.default_rng(seed)
    late = random.random(len(purchases)) < late_share
    hours = np.where(late, random.uniform(6, 18, len(purchases)), random.uniform(0, 0.01, len(purchases)))
    made = purchases["timestamp"].reset_index(drop=True)
    arrived = made + pd.to_timedelta(hours, unit="h")
    order = arrived.sort_values(kind="stable").index
    return made[order], arrived[order]
