"""The same run in memory and through a real Kafka: the same answers, and engines in the same state."""

from __future__ import annotations

import asyncio
from typing import Any

import pandas as pd
import pytest

from recsys_lab import datasets
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import LiveFigures, live_run, start_of
from recsys_lab.experiments.settings import Answered, InMemory, OnKafka, Setting
from recsys_lab.kafka import KafkaRecommendationSystem, LocalKafka

pytestmark = pytest.mark.integration


def in_both(work: Any, purchases: pd.DataFrame) -> list[tuple[Any, Any]]:
    """What `work` gives in each setting, and the state of the engine afterwards."""

    async def in_memory() -> tuple[Any, Any]:
        clock = start_of(purchases)
        async with StreamingRecommendationEngine(clock=clock) as engine:
            return await work(InMemory(engine, clock)), engine.recommender.state()

    async def on_kafka(servers: str) -> tuple[Any, Any]:
        clock = start_of(purchases)
        async with KafkaRecommendationSystem(servers, clock=clock) as system:
            return await work(OnKafka(system, clock)), system.engine.recommender.state()

    with LocalKafka() as kafka:
        return [asyncio.run(in_memory()), asyncio.run(on_kafka(kafka.bootstrap_servers))]


def test_purchases_told_one_after_the_other_lead_to_the_same_answers_and_the_same_state() -> None:
    purchases = datasets.load("online-retail").iloc[5_000:5_200]
    users = sorted(set(purchases["user_id"]))

    async def tell_and_ask(setting: Setting) -> list[tuple[list[str], bool]]:
        answers: list[Answered] = []
        for row in purchases.itertuples(index=False):
            await setting.tell([row])
        for _ in range(2):  # the second time from the cache
            answers += await setting.ask(users)
        return [(list(answer.items), answer.from_cache) for answer in answers]

    (answers, state), (answers_on_kafka, state_on_kafka) = in_both(tell_and_ask, purchases)

    assert answers_on_kafka == answers
    assert [from_cache for _, from_cache in answers] == [False] * len(users) + [True] * len(users)
    assert state_on_kafka == state


def test_a_live_run_comes_to_its_end_with_the_same_counts() -> None:
    purchases = datasets.load("online-retail").head(1_000)

    async def run(setting: Setting) -> LiveFigures:
        figures = [figures async for figures in live_run(setting, purchases, ask_every=100)]
        return figures[-1]

    (in_memory, _), (on_kafka, _) = in_both(run, purchases)

    assert on_kafka.interactions == in_memory.interactions == 1_000
    assert on_kafka.requests == in_memory.requests
    assert on_kafka.questions == in_memory.questions
    assert on_kafka.cache_hit_rate == in_memory.cache_hit_rate
