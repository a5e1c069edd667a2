"""A shop to experiment in: an engine that has learned from real purchases, and its shelf as a table.

Its clock is simulated and stands at nine in the morning after the last purchase; it moves when you turn it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.experiments.running import run
from recsys_lab.recommend.base import Recommender

OPENS = time(9)
FIRST_STEPS = 5


async def open_shop(
    purchases: pd.DataFrame,
    *,
    recommender: Recommender | None = None,
    seed: int = 0,
    cache_ttl: timedelta = timedelta(minutes=5),
    exploration: float = 0.0,
) -> StreamingRecommendationEngine:
    """A running engine that has learned from `purchases` and knows the items' categories.

    purchases: as `datasets.load` gives them. recommender, seed, cache_ttl, exploration: of the engine;
    without exploration no score holds chance. Its `clock` is a SimulatedClock.
    """
    clock = SimulatedClock(purchases["timestamp"].min().to_pydatetime())
    shop = StreamingRecommendationEngine(
        recommender, clock=clock, seed=seed, cache_ttl=cache_ttl, exploration=exploration
    )
    await shop.start()
    for item in purchases.drop_duplicates("item_id").itertuples(index=False):
        await shop.update_item(str(item.item_id), {"category": item.category})
    for row in purchases.itertuples(index=False):
        clock.set(row.timestamp.to_pydatetime())  # type: ignore[union-attr]
        await shop.process_user_interaction(
            str(row.user_id),
            str(row.item_id),
            str(row.interaction_type),
            float(row.interaction_value),  # type: ignore[arg-type]
            session_id=str(row.session_id),
        )
    clock.set(next_morning(clock.now()))
    return shop


def item_names(purchases: pd.DataFrame) -> dict[str, str]:
    """Item → its name as people write it: `Jumbo bag red retrospot`."""
    items = purchases.drop_duplicates("item_id")
    pairs = zip(items["item_id"], items["description"], strict=True)
    return {str(item_id): str(name).capitalize().rstrip(" .,") for item_id, name in pairs}


def shelf(recommendations: Iterable[Recommendation], names: Mapping[str, str]) -> pd.DataFrame:
    """Recommendations as a customer sees them, best first: item, name, score, and what spoke for it most."""
    rows = [
        (r.item_id, names.get(r.item_id, r.item_id), round(r.score, 3), _because(r, names)) for r in recommendations
    ]
    places = range(1, len(rows) + 1)
    return pd.DataFrame(rows, columns=["item", "name", "score", "because"], index=places)


def first_steps(purchases: pd.DataFrame, *, steps: int = FIRST_STEPS, seed: int = 0) -> pd.DataFrame:
    """A newcomer's first steps: the ten recommended items before and after each of a few views.

    The newcomer, `you`, always views the best item on the list. purchases: what the shop has learned from.
    Columns: step (views so far), viewed (the name of the item just viewed, "" at first), place, item_id,
    name, category, score, new (not among the ten one step before).
    """
    return run(_first_steps(purchases, steps, seed))


async def _first_steps(purchases: pd.DataFrame, steps: int, seed: int) -> pd.DataFrame:
    names = item_names(purchases)
    shop = await open_shop(purchases, seed=seed)
    rows, viewed, before = [], "", set[str]()
    for step in range(steps + 1):
        shown = await shop.get_recommendations("you")
        for place, r in enumerate(shown, start=1):
            category = shop.item_features[r.item_id]["category"]
            new = step > 0 and r.item_id not in before
            rows.append((step, viewed, place, r.item_id, names[r.item_id], category, r.score, new))
        before, viewed = {r.item_id for r in shown}, names[shown[0].item_id]
        await shop.process_user_interaction("you", shown[0].item_id, "view")
    await shop.stop()
    columns = ["step", "viewed", "place", "item_id", "name", "category", "score", "new"]
    return pd.DataFrame(rows, columns=columns)


def next_morning(moment: datetime) -> datetime:
    """Nine o'clock on the day after."""
    return datetime.combine(moment.date() + timedelta(days=1), OPENS, moment.tzinfo)


def _because(recommendation: Recommendation, names: Mapping[str, str]) -> str:
    """The strongest reason that not every item has, such as "view on Lunch bag cars blue"."""
    for reason in recommendation.reasons:
        kind, on, item_id, *_ = [*reason.split(), "", "", ""]
        if on == "on" and item_id in names:
            return f"{kind} on {names[item_id]}"
    return "many buy it"
