"""The table of interactions: one shape for real, simulated and rated data.

Whatever the source, a reader of interactions sees the same eight columns, in time order, so that an
experiment written for one data set runs on every other.
"""

from __future__ import annotations

import zlib

import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten

COLUMNS = (
    "user_id",
    "item_id",
    "interaction_type",
    "interaction_value",
    "timestamp",
    "session_id",
    "category",
    "description",
)
"""Text but for `interaction_value` (float) and `timestamp` (UTC, microsecond resolution)."""


def in_time_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Exactly COLUMNS, their types settled, oldest first; rows of one instant keep their order.

    Text comes as plain `str` objects: a categorical column would list, in every `groupby`, items that a
    selection no longer holds.
    """
    columns = {name: frame[name].astype(object) for name in COLUMNS}
    columns["interaction_value"] = frame["interaction_value"].astype("float64")
    columns["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True).astype("datetime64[us, UTC]")
    table = pd.DataFrame(columns, copy=False).reset_index(drop=True)
    if table["timestamp"].is_monotonic_increasing:
        return table
    return table.sort_values("timestamp", kind="stable", ignore_index=True)


def cut(interactions: pd.DataFrame, *, users: int) -> pd.DataFrame:
    """The whole history of a sample of users: a smaller table for a quick look or a test.

    users: how many users to keep; all are kept when there are fewer. Who is kept depends on the ids alone
    (a checksum of them decides), so a sample of 100 is part of the sample of 200, on every machine.
    """
    if users < 1:
        raise InvalidEvent(f"users is {shorten(users)}; at least 1 user must be kept")
    everyone = interactions["user_id"].unique()
    chosen = sorted(everyone, key=lambda user: (zlib.crc32(user.encode()), user))[:users]
    return interactions[interactions["user_id"].isin(chosen)].reset_index(drop=True)
