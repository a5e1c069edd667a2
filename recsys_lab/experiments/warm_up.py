"""From cold to warm: how good the list is, by how much of the user is known.

A newcomer is a stranger: nobody can do better than show what is popular. From the first purchase on, a
recommender that learns from each event has something to go by. To see that and nothing else, the same
customers are asked about at every point, and what is known of everybody else counts the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.events import interaction_weight
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.popularity import Popularity

KNOWN = (0, 1, 2, 3, 5, 10, 20, 40)


def warm_up(
    interactions: pd.DataFrame, *, newcomers_from: pd.Timestamp, known: tuple[int, ...] = KNOWN, k: int = 10
) -> pd.DataFrame:
    """Hit rate among the first k, by how many items of the user are known: ItemNeighbours beside Popularity.

    interactions: as `datasets.load` gives them, learned one by one. newcomers_from: asked about are customers
    first seen from then on, who come to more than max(known) different items. known: just before such a
    customer takes the next new item, having so many: is it on the list?
    Columns: known, recommender, customers (asked), hits, hit_rate. Raises InvalidEvent when nobody qualifies.
    """
    newcomers = _newcomers(interactions, newcomers_from, max(known))
    if not newcomers:
        raise InvalidEvent(f"newcomers_from is {shorten(str(newcomers_from))}; nobody came later and stayed. Go back.")
    recommenders: Mapping[str, Recommender] = {"ItemNeighbours": ItemNeighbours(), "Popularity": Popularity()}
    hits = {(number, name): 0 for number in known for name in recommenders}
    seen: dict[str, dict[str, None]] = {}
    for row in interactions.itertuples(index=False):
        user_id, item_id, at = str(row.user_id), str(row.item_id), row.timestamp.to_pydatetime()  # type: ignore[union-attr]
        items = seen.setdefault(user_id, {})
        asked = user_id in newcomers and item_id not in items and len(items) in known
        for name, recommender in recommenders.items():
            if asked:
                shown = recommender.recommend(user_id, k, at=at, exclude=items)
                hits[len(items), name] += any(item == item_id for item, _ in shown)
            recommender.observe(user_id, item_id, interaction_weight(str(row.interaction_type)), at)
        items[item_id] = None
    rows = [(number, name, len(newcomers), count, count / len(newcomers)) for (number, name), count in hits.items()]
    return pd.DataFrame(rows, columns=["known", "recommender", "customers", "hits", "hit_rate"])


def _newcomers(interactions: pd.DataFrame, start: pd.Timestamp, more_than: int) -> dict[str, None]:
    by_user = interactions.groupby("user_id")
    late, many = by_user["timestamp"].min() >= start, by_user["item_id"].nunique() > more_than
    return dict.fromkeys(sorted(late.index[late & many]))
