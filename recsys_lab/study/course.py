"""The parts of the package and who uses whom, as notebook 00 draws them."""

from __future__ import annotations

import pandas as pd

_PARTS = (
    ("events", "what happened", "streaming", 0, 1, ("streams", "profiles", "recommend")),
    ("streams", "the log of it", "streaming", 1, 1, ("engine",)),
    ("processors", "what reacts to it", "streaming", 2, 2, ("engine",)),
    ("engine", "all of it, wired together", "streaming", 2, 1, ("experiments",)),
    ("profiles", "a user's past, folded", "learning", 1, 2, ("processors",)),
    ("recommend", "candidates and ranking", "learning", 1, 0, ("engine",)),
    ("features", "the past as of a time", "learning", 2, 0, ("experiments",)),
    ("experiments", "parameters to a table", "experimenting", 3, 1, ("widgets",)),
    ("plots", "a table to a picture", "experimenting", 3, 2, ("widgets",)),
    ("widgets", "sliders around both", "experimenting", 4, 1, ()),
)


def parts() -> pd.DataFrame:
    """A row for each part: its name, what it is in a few words, its group, its place, and who uses it."""
    return pd.DataFrame(_PARTS, columns=["part", "says", "group", "column", "row", "used_by"])
