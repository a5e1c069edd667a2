"""What watching for drift costs: the same live run with the drift figures, and with nobody looking.

Both go through the same purchases in memory, in turns; every 20 interactions somebody asks.

    python -m benchmarks watching
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import pandas as pd

from recsys_lab import datasets
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import live_run, start_of
from recsys_lab.experiments.monitoring.drifts import DriftWatch
from recsys_lab.experiments.settings import InMemory

INTERACTIONS = 6_000
ROUNDS = 5


class Blind(DriftWatch):
    """Looks at nothing."""

    def shown(self, user_id: str, items: Sequence[str]) -> None: ...

    def taken(self, items: Iterable[str]) -> None: ...

    def answered(self, hit: bool) -> None: ...


def rows(interactions: int = INTERACTIONS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """One row: seconds of a run with and without the drift figures (medians), and the median of the rounds' ratios."""
    purchases = datasets.load("online-retail").head(interactions)
    categories = dict(zip(purchases["item_id"], purchases["category"], strict=True))
    pairs = [(_seconds(purchases, Blind({})), _seconds(purchases, DriftWatch(categories))) for _ in range(rounds)]
    return [
        {
            "what": "live run, drift figures",
            "yardstick": "the same without them",
            "ours_s": round(median(watched for _, watched in pairs), 2),
            "yardstick_s": round(median(blind for blind, _ in pairs), 2),
            "ratio": round(median(watched / blind for blind, watched in pairs), 3),
        }
    ]


def _seconds(purchases: pd.DataFrame, drifts: DriftWatch) -> float:
    async def run() -> None:
        clock = start_of(purchases)
        async with StreamingRecommendationEngine(clock=clock, exploration=0.0) as engine:
            async for _ in live_run(InMemory(engine, clock), purchases, drifts=drifts):
                pass

    start = perf_counter()
    asyncio.run(run())
    return perf_counter() - start


if __name__ == "__main__":
    print(pd.DataFrame(rows()).to_string(index=False))
