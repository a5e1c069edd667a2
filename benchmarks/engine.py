"""The in-memory engine beside its recommender called bare: what streams, events, profile and cache cost.

The same real purchases go through both, in turns, from the same start, so that whatever else the machine does
falls on both. The aim is at least half the bare recommender's interactions per second.

    python -m benchmarks.engine
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd

from recsys_lab import datasets
from recsys_lab.clock import SimulatedClock
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.events import interaction_weight
from recsys_lab.recommend.item_neighbours import ItemNeighbours

INTERACTIONS = 20_000
ROUNDS = 5
REACH = 0.5


def rows(interactions: int = INTERACTIONS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """One row: interactions per second of both (medians), and the median of the rounds' ratios."""
    purchases = list(datasets.load("online-retail").head(interactions).itertuples(index=False))
    pairs = [(_bare(purchases), asyncio.run(_engine(purchases))) for _ in range(rounds)]
    ratio = median(bare / engine for bare, engine in pairs)
    return [
        {
            "what": "engine, interactions",
            "yardstick": "ItemNeighbours.observe",
            "ours_per_s": round(interactions / median(engine for _, engine in pairs)),
            "yardstick_per_s": round(interactions / median(bare for bare, _ in pairs)),
            "ratio": round(ratio, 2),
            "reach": f">= {REACH} x",
            "ok": ratio >= REACH,
        }
    ]


def _bare(purchases: list[Any]) -> float:
    """Seconds that the recommender takes to observe all."""
    recommender = ItemNeighbours()
    times: list[pd.Timestamp] = [row.timestamp.to_pydatetime() for row in purchases]
    start = perf_counter()
    for row, at in zip(purchases, times, strict=True):
        recommender.observe(row.user_id, row.item_id, interaction_weight(row.interaction_type), at)
    return perf_counter() - start


async def _engine(purchases: list[Any]) -> float:
    """Seconds that an engine around the same recommender takes to process all."""
    clock = SimulatedClock(purchases[0].timestamp.to_pydatetime() - timedelta(seconds=1))
    times = [row.timestamp.to_pydatetime() for row in purchases]
    async with StreamingRecommendationEngine(clock=clock) as engine:
        start = perf_counter()
        for row, at in zip(purchases, times, strict=True):
            await engine.process_user_interaction(
                row.user_id, row.item_id, row.interaction_type, row.interaction_value, timestamp=at
            )
        return perf_counter() - start


if __name__ == "__main__":
    print(*rows(), sep="\n")
