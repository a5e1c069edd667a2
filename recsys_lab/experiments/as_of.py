"""One customer's events, and which of them a feature sees: as of the moment asked, or too late.

The question is always: will this customer now take this item? A feature may only see what had happened by
then. A table that is read at the end of the day also sees the rest of that day, and so, now and then, the answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from recsys_lab.experiments.features import events_of
from recsys_lab.features import Count, FeatureStore, faults
from recsys_lab.features.definitions import Key

KEYS: tuple[Key, ...] = ("user", "user_category", "user_item")
"""Whose events are counted: the customer's, those in the item's category, those with the item itself."""

FATES = ("no longer in the window", "seen", "seen too early", "not yet")


def as_of(
    interactions: pd.DataFrame,
    user_id: str,
    item_id: str,
    *,
    at: datetime,
    window: timedelta = timedelta(days=1),
    end_of_day: bool = False,
) -> pd.DataFrame:
    """The customer's events, and what becomes of each when features are read for a question asked at a time.

    interactions: as `datasets.load` gives them. item_id: the item that is asked about. window: of the counts.
    end_of_day: read the features as of the end of the day of `at`, as a nightly job does: a leak.
    A row for each event: timestamp, item_id, name, category, answer (it is about the item asked about), fate (one
    of FATES); and, the same in all rows: at, read_at, begins (of the window), and for each of KEYS its count,
    which a `FeatureStore` gives.
    """
    read_at = faults.end_of_day(at) if end_of_day else at
    log = events_of(interactions)
    counts = [Count(key, window) for key in KEYS]
    store = FeatureStore(counts, item_features={event.item_id: dict(event.data) for event in log}, retention=_ALWAYS)
    for event in log:
        store.update(event)
    vector = store.vector(user_id, item_id, read_at)
    theirs = interactions[interactions["user_id"] == user_id]
    return pd.DataFrame(
        {
            "timestamp": theirs["timestamp"],
            "item_id": theirs["item_id"],
            "name": theirs["description"].str.capitalize(),
            "category": theirs["category"],
            "answer": theirs["item_id"] == item_id,
            "fate": [_fate(time, at, read_at, read_at - window) for time in theirs["timestamp"]],
            "at": at,
            "read_at": read_at,
            "begins": read_at - window,
            **{str(key): int(vector[count.name]) for key, count in zip(KEYS, counts, strict=True)},
        }
    ).reset_index(drop=True)


_ALWAYS = timedelta(days=36_500)


def _fate(time: datetime, at: datetime, read_at: datetime, begins: datetime) -> str:
    if begins <= time < read_at:
        return "seen" if time < at else "seen too early"
    return "no longer in the window" if time < at else "not yet"
