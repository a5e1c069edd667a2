"""From request to response through Kafka, at fixed rates, in an open loop.

Requests are sent when their time has come, whether earlier ones were answered or not, and each latency is counted from
the time at which its request was due. So a stall is paid for by every request that had to wait for it, not only by the
one that was under way: coordinated omission is avoided (Tene, "How not to measure latency", 2013). The users are those
of the first purchases; one in three answers may come from the cache, as people reload.

    python -m benchmarks.kafka_latency
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from recsys_lab import datasets
from recsys_lab.experiments.live import start_of
from recsys_lab.experiments.settings import OnKafka
from recsys_lab.kafka import KafkaRecommendationSystem, LocalKafka
from recsys_lab.latency import LatencySketch

PURCHASES = 3_000
RATES = (10, 50, 100)
SECONDS = 10.0
DELIVERIES = ("at-least-once", "exactly-once")


def rows(rates: Sequence[int] = RATES, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """A row for each guarantee and rate: percentiles in milliseconds, and how many requests were answered."""
    table = []
    for delivery in DELIVERIES:
        with LocalKafka() as kafka:
            table += asyncio.run(_measure(kafka.bootstrap_servers, delivery, rates, seconds))
    return table


async def _measure(servers: str, delivery: str, rates: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    purchases = datasets.load("online-retail").head(PURCHASES)
    clock = start_of(purchases)
    users = sorted(set(purchases["user_id"]))
    table = []
    async with KafkaRecommendationSystem(servers, clock=clock, delivery=delivery) as system:
        setting = OnKafka(system, clock)
        await setting.tell(list(purchases.itertuples(index=False)))
        await setting.ask(users[:20])  # everything is warm, and has caught up
        for rate in rates:
            latency = await _open_loop(setting, users, rate, seconds)
            found = {name: round(value, 1) for name, value in latency.percentiles_ms().items() if name != "count"}
            table.append({"guarantee": delivery, "requests_per_s": rate, "answered": latency.count, **found})
    return table


async def _open_loop(setting: OnKafka, users: Sequence[str], rate: int, seconds: float) -> LatencySketch:
    latency = LatencySketch()
    chance = random.Random(rate)
    began = perf_counter()

    async def one(due: float, user: str) -> None:
        await asyncio.sleep(max(0.0, due - perf_counter()))
        await setting.ask([user])
        latency.add(perf_counter() - due)

    planned = [(began + number / rate, chance.choice(users)) for number in range(int(rate * seconds))]
    await asyncio.gather(*(one(due, user) for due, user in planned))
    return latency


if __name__ == "__main__":
    print(*rows(), sep="\n")
