"""Which half-life should popularity have? What each choice would have answered, question by question.

Every half-life runs beside the others over the same purchases, so it is known for each question who would have hit.
A test or a bandit sees one of these answers only, that of the version it has chosen; what it missed is known here.
(A replay: the customers bought what they bought, whatever was shown. Li et al., "Unbiased offline evaluation of
contextual-bandit-based news article recommendation algorithms", WSDM 2011.)
"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recsys_lab.events import interaction_weight
from recsys_lab.recommend.popularity import Popularity

HALF_LIVES: dict[str, timedelta | None] = {
    "5 minutes": timedelta(minutes=5),
    "1 hour": timedelta(hours=1),
    "8 hours": timedelta(hours=8),
    "2 days": timedelta(days=2),
    "2 weeks": timedelta(days=14),
    "none": None,
}


def half_lives(interactions: pd.DataFrame, *, k: int = 50, every: int = 5) -> pd.DataFrame:
    """A row for each question, in order of time: `user_id`, and for each half-life whether its list had the item.

    interactions: as `datasets.load` gives them. k: length of the list. every: every so many events are questions,
    unless the customer has the item already. Columns: user_id, and the names of HALF_LIVES (bool).
    """
    versions = {name: Popularity(half_life) for name, half_life in HALF_LIVES.items()}
    taken: dict[str, set[str]] = {}
    rows: list[tuple[str | bool, ...]] = []
    for number, row in enumerate(interactions.itertuples(index=False)):
        user, item, at = str(row.user_id), str(row.item_id), row.timestamp.to_pydatetime()  # type: ignore[union-attr]
        has = taken.setdefault(user, set())
        if number % every == 0 and item not in has:
            lists = (version.recommend(user, k, at=at, exclude=has) for version in versions.values())
            rows.append((user, *(any(item == listed for listed, _ in answer) for answer in lists)))
        weight = interaction_weight(str(row.interaction_type))
        for version in versions.values():
            version.observe(user, item, weight, at)
        has.add(item)
    return pd.DataFrame(rows, columns=["user_id", *versions])
