"""A live run: interactions pour through the engine, and the figures of the run so far come out.

The same figures feed the terminal (`recsys-lab demo`) and every other face of a running engine. Two kinds of
request are made. Before every `ask_every`-th interaction the user is shown a list, and the item taken next
either stands in it or not: that is the running hit rate. And after every interaction one of the users active
last may reload the page, which the cache can often answer.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine

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
    interactions: pd.DataFrame, *, seed: int = 0, ask_every: int = 20, report_every: int = 1_000
) -> AsyncIterator[LiveFigures]:
    """Run the interactions through an engine on a clock that follows them; figures every `report_every` and at the end.

    interactions: as `datasets.load` gives them. ask_every: every so many interactions one question is asked.
    """
    chance = random.Random(seed)
    recent_users: deque[str] = deque(maxlen=RECENT_USERS)
    rows: Iterator[Any] = interactions.itertuples(index=False)
    clock = SimulatedClock(interactions["timestamp"].min().to_pydatetime())
    questions = hits = requests = 0
    total = len(interactions)
    stretch_began, stretch_work = perf_counter(), 0
    async with StreamingRecommendationEngine(clock=clock, seed=seed, exploration=0.0) as engine:
        for item_id, category in _categories(interactions).items():
            await engine.update_item(item_id, {"category": category})
        for number, row in enumerate(rows, start=1):
            clock.set(row.timestamp.to_pydatetime())
            if number % ask_every == 0 and not _has(engine, row.user_id, row.item_id):
                shown = await engine.get_recommendations(row.user_id, 10)
                questions, requests = questions + 1, requests + 1
                hits += any(recommendation.item_id == row.item_id for recommendation in shown)
            await engine.process_user_interaction(
                row.user_id, row.item_id, row.interaction_type, row.interaction_value, session_id=row.session_id
            )
            recent_users.append(row.user_id)
            if chance.random() < RELOAD_SHARE:
                await engine.get_recommendations(chance.choice(recent_users), 10)
                requests += 1
            if number % report_every == 0 or number == total:
                work = number + requests
                elapsed = perf_counter() - stretch_began
                latency = engine.latency.percentiles_ms()
                cache = engine.recommendation_cache.stats()
                yield LiveFigures(
                    time=row.timestamp,
                    interactions=number,
                    total=total,
                    requests=requests,
                    per_second=(work - stretch_work) / elapsed,
                    p50_ms=latency["p50"],
                    p95_ms=latency["p95"],
                    p99_ms=latency["p99"],
                    cache_hit_rate=cache["hits"] / max(1, cache["hits"] + cache["misses"]),
                    questions=questions,
                    hit_rate=hits / max(1, questions),
                )
                stretch_began, stretch_work = perf_counter(), work


def _has(engine: StreamingRecommendationEngine, user_id: str, item_id: str) -> bool:
    profile = engine.user_profiles.get(user_id)
    return profile is not None and item_id in profile.items


def _categories(interactions: pd.DataFrame) -> dict[str, str]:
    items = interactions.drop_duplicates("item_id")
    return dict(zip(items["item_id"], items["category"], strict=True))
