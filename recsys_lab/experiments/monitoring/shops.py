"""A shop to watch: opened, run through purchases, and closed again; in memory or on Kafka. Its figures come out.

Whoever looks at a running shop, the terminal or a notebook, takes the figures from here, so both show the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pandas as pd

from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import live_run, start_of
from recsys_lab.experiments.monitoring.figures import LiveFigures
from recsys_lab.experiments.settings import InMemory, OnKafka

ASK_EVERY, ASK_EVERY_ON_KAFKA = 20, 400
"""Interactions in a batch. On Kafka a batch is sent without waiting for each; a question waits for all of it."""


async def shop_run(
    interactions: pd.DataFrame,
    *,
    servers: str | None = None,
    seed: int = 0,
    ask_every: int | None = None,
    report_every: int = 1_000,
) -> AsyncIterator[LiveFigures]:
    """The figures of a shop through which the interactions pour, as `live_run` gives them.

    interactions: as `datasets.load` gives them. servers: of a Kafka without a shop in it; None for in memory.
    ask_every: interactions in a batch; 20 in memory and 400 on Kafka by default.
    The shop is closed at the end, or when the iterator is (`aclose`).
    """
    clock = start_of(interactions)
    if servers is None:
        async with StreamingRecommendationEngine(clock=clock, seed=seed, exploration=0.0) as engine:
            setting = InMemory(engine, clock)
            async for figures in live_run(
                setting, interactions, seed=seed, ask_every=ask_every or ASK_EVERY, report_every=report_every
            ):
                yield figures
        return
    from recsys_lab.experiments.on_kafka.shop import live_shop  # only here: in memory Kafka is not needed

    async with live_shop(servers, clock, seed) as system:
        on_kafka = OnKafka(system, clock)
        async for figures in live_run(
            on_kafka, interactions, seed=seed, ask_every=ask_every or ASK_EVERY_ON_KAFKA, report_every=report_every
        ):
            yield figures
