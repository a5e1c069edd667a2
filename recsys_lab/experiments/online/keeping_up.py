"""One recommender, three ways to bring it up to date, and a day on which all tastes change.

    learning   from every interaction, as it comes
    nightly    a copy of the learning one, made at each midnight
    frozen     a copy made once, and never again

All three are `ItemNeighbours`, and all are asked the same questions, test then learn. The simulated shop is run twice,
with and without the drift; up to it both runs are the same, so the difference afterwards is the drift's doing.
"""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recsys_lab.events import interaction_weight
from recsys_lab.experiments.drifts import AbruptDrift, Drift
from recsys_lab.experiments.simulation import simulate
from recsys_lab.recommend.item_neighbours import ItemNeighbours

MODELS = ("learning", "nightly", "frozen")
DAYS, FROZEN_ON, DRIFTS_ON = 30, 10, 15


def keeping_up(*, users: int = 200, items: int = 400, every: int = 3, k: int = 10, seed: int = 1) -> pd.DataFrame:
    """The answers of all three models, day by day, with and without a drift.

    users, items, seed: of the simulated shop. every: every so many events are questions, from the day on which the
    frozen copy is made. k: length of the lists.
    Columns: drift ("none", "abrupt"), model, day (from 0), questions, hits; drifts_on (the day of the drift).
    """
    drifts: dict[str, tuple[Drift, ...]] = {"none": (), "abrupt": (AbruptDrift(timedelta(days=DRIFTS_ON)),)}
    parts = []
    for name, drift in drifts.items():
        events = simulate(users, items, DAYS, drift=drift, seed=seed).events
        parts.append(_judged(events, every, k).assign(drift=name))
    table = pd.concat(parts, ignore_index=True)
    return table[["drift", "model", "day", "questions", "hits"]].assign(drifts_on=DRIFTS_ON)


def _judged(events: pd.DataFrame, every: int, k: int) -> pd.DataFrame:
    models = {name: ItemNeighbours() for name in MODELS}
    learning = models["learning"]
    taken: dict[str, set[str]] = {}
    asked = []
    start, today = events["timestamp"].iloc[0].normalize(), 0
    for number, row in enumerate(events.itertuples(index=False)):
        user, item, at = str(row.user_id), str(row.item_id), row.timestamp.to_pydatetime()  # type: ignore[union-attr]
        day = (at - start).days
        if day > today and day >= FROZEN_ON:  # the first event after midnight
            state = learning.state()
            models["nightly"].restore(state)
            if today < FROZEN_ON:
                models["frozen"].restore(state)
            today = day
        has = taken.setdefault(user, set())
        if day >= FROZEN_ON and number % every == 0 and item not in has:
            for name, model in models.items():
                listed = [listed_item for listed_item, _ in model.recommend(user, k, at=at, exclude=has)]
                asked.append((name, day, item in listed))
        learning.observe(user, item, interaction_weight(str(row.interaction_type)), at)
        has.add(item)
    table = pd.DataFrame(asked, columns=["model", "day", "hit"])
    by_day = table.groupby(["model", "day"], sort=False)["hit"].agg(questions="size", hits="sum")
    return by_day.reset_index()
