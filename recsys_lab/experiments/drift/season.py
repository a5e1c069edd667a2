"""A real season: what is bought and what is shown, week by week through a year, and when a detector hears of it.

Nobody tells us the truth here. What can be said: how far each week is from the shop's ordinary months, whether that
is more than chance (two halves of the same week are apart as well), and whether the recommender went along.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable

import pandas as pd

from recsys_lab.experiments.drift.detectors import adwin
from recsys_lab.experiments.monitoring.lists import rbo
from recsys_lab.experiments.monitoring.shares import jensen_shannon
from recsys_lab.interactions import cut
from recsys_lab.recommend.item_neighbours import ItemNeighbours

ORDINARY = ("2011-03-01", "2011-09-01")
"""Weeks that begin from the first day on and before the second: with them the others are compared."""

LIST = 10


def weeks(purchases: pd.DataFrame, *, category: str = "christmas", users: int = 800) -> pd.DataFrame:
    """A row for each week: how far what is bought and what is shown are from the ordinary months, by categories.

    purchases: as `datasets.load` gives them. users: to a sample of so many the default recommender shows ten items
    before each of their baskets; it learns from them alone.
    Columns: week (its Monday), bought (purchases), bought_share, shown_share (of the category), input_drift,
    shown_drift (Jensen-Shannon distances from ORDINARY), chance (the distance of two halves of the week's baskets),
    rbo (mean overlap of a user's list with the one before).
    """
    shown = _shown(cut(purchases, users=users))
    bought = purchases.assign(week=_monday(purchases["timestamp"]))
    half = bought["session_id"].map(lambda basket: zlib.crc32(str(basket).encode()) % 2)
    category_of = dict(zip(purchases["item_id"], purchases["category"], strict=True))
    listed_items = shown.explode("items").dropna(subset="items")
    taken = _by_week(bought)
    listed = _by_week(listed_items.assign(category=listed_items["items"].map(category_of)))
    halves = [_by_week(bought[half == which]) for which in (0, 1)]
    shown_drift = _from_ordinary(listed)
    return pd.DataFrame(
        {
            "week": list(taken),
            "bought": [counts.total() for counts in taken.values()],
            "bought_share": [counts[category] / counts.total() for counts in taken.values()],
            "shown_share": [listed[week][category] / listed[week].total() for week in taken],
            "input_drift": list(_from_ordinary(taken).values()),
            "shown_drift": [shown_drift[week] for week in taken],
            "chance": [jensen_shannon(halves[0][week], halves[1][week]) for week in taken],
            "rbo": shown.groupby("week")["rbo"].mean().reindex(list(taken)).tolist(),
        }
    )


def risers(purchases: pd.DataFrame, *, delta: float = 0.002) -> pd.DataFrame:
    """When a category's share of the baskets has risen, as ADWIN hears it: a row for each alarm, in order.

    One detector for each category; its values are the category's share of each basket, in order. delta: of each
    detector. Columns: category, at (time of the basket), before, after (mean share of 1,000 baskets on either side).
    """
    shares = pd.crosstab(purchases["session_id"], purchases["category"], normalize="index")
    baskets = purchases.drop_duplicates("session_id")
    shares = shares.loc[baskets["session_id"]]
    rows = []
    for category in shares.columns:
        values, detector = shares[category], adwin(delta)
        for number, (at, value) in enumerate(zip(baskets["timestamp"], values.tolist(), strict=True)):
            if detector.update(value):
                before, after = values.iloc[max(0, number - 1_000) : number], values.iloc[number : number + 1_000]
                rows.append((category, at, before.mean(), after.mean()))
    return pd.DataFrame(rows, columns=["category", "at", "before", "after"]).sort_values("at", ignore_index=True)


def _shown(purchases: pd.DataFrame) -> pd.DataFrame:
    """What the default recommender shows before each basket. Columns: week, items, rbo (NaN for a user's first)."""
    model = ItemNeighbours()
    has: dict[str, set[str]] = {}
    latest: dict[str, tuple[str, list[str]]] = {}
    rows = []
    columns = (purchases[name] for name in ("user_id", "item_id", "timestamp", "session_id"))
    for user_id, item_id, moment, basket in zip(*columns, strict=True):
        at, mine = moment.to_pydatetime(), has.setdefault(user_id, set())
        before = latest.get(user_id)
        if before is None or before[0] != basket:
            items = [shown for shown, _ in model.recommend(user_id, LIST, at=at, exclude=mine)]
            rows.append((moment, items, float("nan") if before is None else rbo(before[1], items)))
            latest[user_id] = (basket, items)
        model.observe(user_id, item_id, 1.0, at)
        mine.add(item_id)
    table = pd.DataFrame(rows, columns=["timestamp", "items", "rbo"])
    return table.assign(week=_monday(table["timestamp"]))


def _monday(times: pd.Series) -> pd.Series:
    days = times.dt.tz_localize(None).dt.normalize()
    mondays: pd.Series = days - pd.to_timedelta(days.dt.weekday, unit="D")
    return mondays


def _by_week(rows: pd.DataFrame) -> dict[pd.Timestamp, Counter[str]]:
    """Counts of categories, by week; nothing for a week without rows."""
    return {week: Counter(mine["category"]) for week, mine in rows.groupby("week")}  # type: ignore[misc]


def _from_ordinary(weekly: dict[pd.Timestamp, Counter[str]]) -> dict[pd.Timestamp, float]:
    first, last = map(pd.Timestamp, ORDINARY)
    ordinary = _together(counts for week, counts in weekly.items() if first <= week < last)
    return {week: jensen_shannon(counts, ordinary) for week, counts in weekly.items()}


def _together(counts: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
