"""The table of interactions: one shape for real, simulated and rated data.

Whatever the source, a reader of interactions sees the same eight columns, in time order, so that an
experiment written for one data set runs on every other.
"""

from __future__ import annotations

import pandas as pd

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
