"""A live run: interactions pour through a shop, and the figures of the run so far come out.

The same figures feed the terminal (`recsys-lab demo`) and every other face of a running shop, in memory or on Kafka.
Interactions come in small batches. Before each one the first of its users is shown a list, and the item taken next
either stands in it or not: that is the running hit rate. And after each one some of the users active last reload
their page, which the cache can often answer.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.experiments.settings import Answered, Setting
from recsys_lab.latency import LatencySketch

RELOAD_SHARE = 0.05
"""Chance that an interaction is followed by a page reload."""

RECENT_USERS = 20
"""Who reloads: one of so many users, those active last."""


class LiveFigures(NamedTuple):
    """A run so far.

    time: of the interaction at hand, in the data. interactions, requests: done so far. per_second: both,
    over the last stretch, in wall time. p50_ms, p95_ms, p99_ms: latency of answers, in wall time.
    cache_hit_rate: share of requests answered from the cache. hit_rate: share of the questions
    whose next item stood in the list of ten.
    """

    time: pd.Timestamp
    interactions: int
    total: int
    requests: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cache_hit_rate: float
    questions: int
    hit_rate: float


async def live_run(
    setting: Setting, interactions: pd.DataFrame, *, seed: int = 0, ask_every: int = 20, report_every: int = 1_000
) -> AsyncIterator[LiveFigures]:
    """Run the interactions through a shop whose clock follows them; figures every `report_every` and at the end.

    interactions: as `datasets.load` gives them. ask_every: so many make a batch, before which one question is asked.
    """
    chance = random.Random(seed)
    recent_users: deque[str] = deque(maxlen=RECENT_USERS)
    rows: list[Any] = list(interactions.itertuples(index=False))
    latency = LatencySketch()
    questions = hits = requests = from_cache = reported = 0
    stretch_began, stretch_work = perf_counter(), 0

    async def ask(users: list[str]) -> list[Answered]:
        nonlocal requests, from_cache
        answers = await setting.ask(users)
        requests += len(answers)
        for answer in answers:
            from_cache += answer.from_cache
            latency.add(answer.seconds)
        return answers

    await setting.categorise(_categories(interactions))
    for start in range(0, len(rows), ask_every):
        batch = rows[start : start + ask_every]
        if start:
            setting.clock.set(batch[0].timestamp.to_pydatetime())
            (answer,) = await ask([batch[0].user_id])
            if not setting.has(batch[0].user_id, batch[0].item_id):
                questions += 1
                hits += batch[0].item_id in answer.items
        await setting.tell(batch)
        reloads = []
        for row in batch:
            recent_users.append(row.user_id)
            if chance.random() < RELOAD_SHARE:
                reloads.append(chance.choice(recent_users))
        await ask(reloads)
        number = start + len(batch)
        if number - reported >= report_every or number == len(rows):
            work, elapsed = number + requests, perf_counter() - stretch_began
            milliseconds = latency.percentiles_ms()
            yield LiveFigures(
                time=batch[-1].timestamp,
                interactions=number,
                total=len(rows),
                requests=requests,
                per_second=(work - stretch_work) / elapsed,
                p50_ms=milliseconds["p50"],
                p95_ms=milliseconds["p95"],
                p99_ms=milliseconds["p99"],
                cache_hit_rate=from_cache / max(1, requests),
                questions=questions,
                hit_rate=hits / max(1, questions),
            )
            reported, stretch_began, stretch_work = number, perf_counter(), work


def start_of(interactions: pd.DataFrame) -> SimulatedClock:
    """A clock that stands at the first interaction."""
    return SimulatedClock(interactions["timestamp"].min().to_pydatetime())


def _categories(interactions: pd.DataFrame) -> dict[str, str]:
    items = interactions.drop_duplicates("item_id")
    return dict(zip(items["item_id"], items["category"], strict=True))
