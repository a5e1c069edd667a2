"""A live run: interactions pour through a shop, and the figures of the run so far come out.

The same figures feed the terminal (`recsys-lab demo`), the dashboard in a notebook and every plot of a running shop,
in memory or on Kafka. Interactions come in small batches. Before each one the first of its users is shown a list, and
the item taken next either stands in it or not: that is the running hit rate. And after each one some of the users
active last reload their page, which the cache can often answer.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from math import nan
from time import perf_counter
from typing import Any

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.experiments.monitoring.drifts import DriftWatch
from recsys_lab.experiments.monitoring.figures import LiveFigures
from recsys_lab.experiments.settings import Answered, Setting
from recsys_lab.latency import LatencySketch

RELOAD_SHARE = 0.05
"""Chance that an interaction is followed by a page reload."""

RECENT_USERS = 20
"""Who reloads: one of so many users, those active last."""


async def live_run(
    setting: Setting,
    interactions: pd.DataFrame,
    *,
    seed: int = 0,
    ask_every: int = 20,
    report_every: int = 1_000,
    drifts: DriftWatch | None = None,
) -> AsyncIterator[LiveFigures]:
    """Run the interactions through a shop whose clock follows them; figures every `report_every` and at the end.

    interactions: as `datasets.load` gives them. ask_every: so many make a batch, before which one question is asked.
    drifts: who watches over them; a new watch by default.
    """
    chance = random.Random(seed)
    recent_users: deque[str] = deque(maxlen=RECENT_USERS)
    rows: list[Any] = list(interactions.itertuples(index=False))
    categories = _categories(interactions)
    watch = _ServiceWatch(setting)
    drifts = DriftWatch(categories) if drifts is None else drifts
    reported = 0

    async def ask(users: list[str]) -> list[Answered]:
        answers = await setting.ask(users)
        for user_id, answer in zip(users, answers, strict=True):
            watch.answered(user_id, answer)
            drifts.shown(user_id, answer.items)
        return answers

    await setting.categorise(categories)
    watch.begin_stretch()
    for start in range(0, len(rows), ask_every):
        batch = rows[start : start + ask_every]
        if start:
            setting.clock.set(batch[0].timestamp.to_pydatetime())
            (answer,) = await ask([batch[0].user_id])
            if not setting.has(batch[0].user_id, batch[0].item_id):
                hit = batch[0].item_id in answer.items
                watch.asked(hit)
                drifts.answered(hit)
        await setting.tell(batch)
        watch.told(len(batch))
        drifts.taken([row.item_id for row in batch])
        await ask(_reloading(batch, recent_users, chance))
        number = start + len(batch)
        if number - reported >= report_every or number == len(rows):
            reported = number
            yield watch.figures(batch[-1].timestamp, len(rows), drifts)
            watch.begin_stretch()  # only now: what the reader did with the figures is not the shop's time


def start_of(interactions: pd.DataFrame) -> SimulatedClock:
    """A clock that stands at the first interaction."""
    return SimulatedClock(interactions["timestamp"].min().to_pydatetime())


class _ServiceWatch:
    """Counts how well a shop serves: speed, lag, cache, hits."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._latency = LatencySketch()
        self._interactions = self._requests = self._from_cache = self._stale = 0
        self._age = 0.0
        self._questions = self._hits = 0
        self.begin_stretch()

    def answered(self, user_id: str, answer: Answered) -> None:
        self._requests += 1
        self._stretch_latency.add(answer.seconds)
        if not answer.from_cache:
            return
        self._from_cache += 1
        if answer.computed is not None:
            self._age += (self._setting.clock.now() - answer.computed).total_seconds()
        self._stale += set(answer.items) != set(self._setting.fresh(user_id))

    def asked(self, hit: bool) -> None:
        self._stretch_questions += 1
        self._stretch_hits += hit

    def told(self, count: int) -> None:
        self._interactions += count
        self._lag: int = max(self._lag, self._setting.lag())

    def figures(self, time: pd.Timestamp, total: int, drifts: DriftWatch) -> LiveFigures:
        """The figures so far."""
        elapsed, work = perf_counter() - self._began, self._interactions + self._requests - self._work_before
        self._latency.merge(self._stretch_latency)
        self._questions += self._stretch_questions
        self._hits += self._stretch_hits
        milliseconds = self._latency.percentiles_ms()
        served = self._from_cache
        return LiveFigures(
            time=time,
            interactions=self._interactions,
            total=total,
            requests=self._requests,
            per_second=work / elapsed,
            lag=self._lag,
            p50_ms=milliseconds["p50"],
            p95_ms=milliseconds["p95"],
            p99_ms=milliseconds["p99"],
            p999_ms=milliseconds["p99.9"],
            cache_hit_rate=served / max(1, self._requests),
            **self._shares_of_misses(),
            age=self._age / served if served else nan,
            stale=self._stale / served if served else nan,
            questions=self._questions,
            hit_rate=self._hits / max(1, self._questions),
            recent_hit_rate=self._stretch_hits / self._stretch_questions if self._stretch_questions else nan,
            drift=drifts.stretch(),
        )

    def begin_stretch(self) -> None:
        """From here on a new stretch is counted."""
        self._began, self._work_before = perf_counter(), self._interactions + self._requests
        self._stretch_latency = LatencySketch()
        self._stretch_questions = self._stretch_hits = 0
        self._lag = 0

    def _shares_of_misses(self) -> Mapping[str, float]:
        misses, requests = self._setting.misses(), max(1, self._requests)
        return {cause: misses[cause] / requests for cause in ("cold", "expired", "invalidated", "evicted")}


def _reloading(batch: list[Any], recent_users: deque[str], chance: random.Random) -> list[str]:
    """Who reloads the page while these interactions come in; they join the recent users."""
    users = []
    for row in batch:
        recent_users.append(row.user_id)
        if chance.random() < RELOAD_SHARE:
            users.append(chance.choice(recent_users))
    return users


def _categories(interactions: pd.DataFrame) -> dict[str, str]:
    items = interactions.drop_duplicates("item_id")
    return dict(zip(items["item_id"], items["category"], strict=True))
