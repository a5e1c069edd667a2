"""What to do when the alarm rings: nothing, start anew, or forget faster?

One recommender (`TasteRecommender`, whose tastes are what drifts) goes through a world, test then learn, under
several policies. A detector listens to its surprise; when it rings, the policy acts. The hit rate before and after says
what the policy was worth. The lab's default recommender goes beside it, with and without a reset: it knows other
things, which did not drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from recsys_lab.experiments.drift.detection import CALM_DELTA
from recsys_lab.experiments.drift.detectors import Detector, adwin
from recsys_lab.experiments.drift.signals import CEILING, LIST
from recsys_lab.experiments.drift.tastes import TasteRecommender, Tastes
from recsys_lab.experiments.drift.worlds import World, world
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.item_neighbours import ItemNeighbours

SHORT = timedelta(days=2)
"""Half-life of who forgets faster."""

Categories = Mapping[str, str]
OnAlarm = Callable[[Any, Categories, datetime], Recommender]


@dataclass(frozen=True)
class Policy:
    """How a recommender begins, and what it becomes on an alarm: from (recommender, categories, time) to another."""

    begin: Callable[[Categories], Recommender]
    on_alarm: OnAlarm


def _keep(model: Recommender, categories: Categories, at: datetime) -> Recommender:
    return model


def _anew(model: Recommender, categories: Categories, at: datetime) -> Recommender:
    return TasteRecommender(categories)


def _forget_faster(model: TasteRecommender, categories: Categories, at: datetime) -> Recommender:
    model.shorten_memory(SHORT, at)
    return model


POLICIES: Mapping[str, Policy] = {
    "do nothing": Policy(TasteRecommender, _keep),
    "start anew": Policy(TasteRecommender, _anew),
    "forget faster": Policy(TasteRecommender, _forget_faster),
    "always forget": Policy(lambda categories: TasteRecommender(categories, SHORT), _keep),
    "ItemNeighbours, do nothing": Policy(lambda categories: ItemNeighbours(), _keep),
    "ItemNeighbours, start anew": Policy(lambda categories: ItemNeighbours(), lambda *_: ItemNeighbours()),
}


@dataclass
class _Runner:
    """A recommender under a policy, with the tastes that the detector listens to."""

    policy: Policy
    categories: Categories
    detector: Detector = field(default_factory=lambda: adwin(CALM_DELTA))
    tastes: Tastes = field(default_factory=Tastes)

    def __post_init__(self) -> None:
        self.model = self.policy.begin(self.categories)
        self.alarms: list[int] = []

    def learn(self, offset: int, user_id: str, item_id: str, category: str, at: datetime) -> None:
        surprise = self.tastes.surprise(user_id, category, at)
        self.tastes.observe(user_id, category, at)
        self.model.observe(user_id, item_id, 0.2, at)
        if self.detector.update(min(1.0, surprise / CEILING)):
            self.alarms.append(offset)
            self.model = self.policy.on_alarm(self.model, self.categories, at)


def reactions(
    kind: str = "abrupt",
    policies: Mapping[str, Policy] = POLICIES,
    *,
    seeds: Iterable[int] = (0, 1),
    every: int = 3,
    skip: int = 15_000,
    part: int = 2_000,
) -> pd.DataFrame:
    """Hit rates of every policy in parts of `part` events.

    kind: of drift. every: every so many views are asked, if the item is new to the user, from offset `skip` on.
    Columns: policy, seed, since (the part's first event, counted from the beginning of the drift), questions, hits,
    alarm (delay of the first alarm after that, in events; NaN without one).
    """
    tables = [
        _reaction(world(kind, seed), policy, every, skip, part).assign(policy=name, seed=seed)
        for seed in seeds
        for name, policy in policies.items()
    ]
    return pd.concat(tables, ignore_index=True)


def reaction_summary(table: pd.DataFrame, *, until: int = 10_000) -> pd.DataFrame:
    """A row for each policy: hit rate before the drift, and in the `until` events after it began."""

    def rate(rows: pd.DataFrame) -> float:
        return round(float(rows["hits"].sum() / rows["questions"].sum()), 3)

    after = table["since"].between(0, until, inclusive="left")
    rows = {
        name: {"before": rate(mine[mine["since"] < 0]), "after": rate(mine[after.loc[mine.index]])}
        for name, mine in table.groupby("policy", sort=False)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def _reaction(there: World, policy: Policy, every: int, skip: int, part: int) -> pd.DataFrame:
    events = there.events
    runner = _Runner(policy, dict(zip(events["item_id"], events["category"], strict=True)))
    views = events[events["interaction_type"] == "view"]
    seen: dict[str, set[str]] = {}
    counts: dict[int, list[int]] = {}
    columns = (views.index, views["user_id"], views["item_id"], views["category"], views["timestamp"])
    for number, (offset, user_id, item_id, category, moment) in enumerate(zip(*columns, strict=True)):
        at, has = moment.to_pydatetime(), seen.setdefault(user_id, set())
        if offset >= skip and number % every == 0 and item_id not in has:
            shown = runner.model.recommend(user_id, LIST, at=at, exclude=has)
            tally = counts.setdefault((offset - there.begins) // part * part, [0, 0])
            tally[0] += 1
            tally[1] += any(item_id == shown_id for shown_id, _ in shown)
        runner.learn(offset, user_id, item_id, category, at)
        has.add(item_id)
    after = [offset - there.begins for offset in runner.alarms if offset >= there.begins]
    rows = [(since, *tally, after[0] if after else float("nan")) for since, tally in sorted(counts.items())]
    return pd.DataFrame(rows, columns=["since", "questions", "hits", "alarm"])
