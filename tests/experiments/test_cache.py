"""The cache experiment against the whole engine, and what must be true of any cache."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pandas as pd
import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments import Visit, cache_load, cache_staleness, open_shop, request_latency
from tests.shops import a_load, small_shop

MEASURED = ["mean_ms", "p50_ms", "p99_ms"]


@pytest.fixture(scope="module")
def load() -> list[Visit]:
    return a_load()


async def whole_engine(load: list[Visit], ttl: timedelta) -> tuple[dict[str, int], int]:
    """Miss causes and hits, and how many hits showed other items than were computed, of a complete engine."""
    shop = await open_shop(small_shop().iloc[:300], seed=5, cache_ttl=ttl)
    stale = 0
    for visit in load:
        shop.clock.set(visit.at)  # type: ignore[attr-defined]
        if visit.kind != "request":
            await shop.process_user_interaction(visit.user_id, visit.item_id, visit.kind)
            continue
        hits = shop.recommendation_cache.stats()["hits"]
        shown = {r.item_id for r in await shop.get_recommendations(visit.user_id)}
        stale += shop.recommendation_cache.stats()["hits"] > hits and shown != set(visit.answer)
    await shop.stop()
    return shop.recommendation_cache.miss_causes() | {"hits": shop.recommendation_cache.stats()["hits"]}, stale


@pytest.mark.parametrize("minutes", [0, 2, 10])
def test_a_replay_through_the_cache_alone_equals_the_whole_engine(load: list[Visit], minutes: int) -> None:
    row = cache_staleness(load, ttls=[minutes]).iloc[0]

    counts, stale = asyncio.run(whole_engine(load, timedelta(minutes=minutes)))

    assert {name: round(row[name] * row["requests"]) for name in ("cold", "expired", "invalidated", "evicted")} == {
        name: count for name, count in counts.items() if name != "hits"
    }
    assert round(row["hit_rate"] * row["requests"]) == counts["hits"]
    assert round(row["stale"] * row["requests"]) == stale


def test_what_is_compared_strictly_is_the_same_on_every_run(load: list[Visit]) -> None:
    again = cache_load(small_shop(), minutes=15, requests_per_minute=10, learned=300, seed=5)

    assert cache_staleness(again).drop(columns=MEASURED).equals(cache_staleness(load).drop(columns=MEASURED))


def test_every_request_is_a_fresh_hit_a_stale_hit_or_a_miss_with_a_cause(load: list[Visit]) -> None:
    table = cache_staleness(load)

    shares = table[["fresh", "stale", "cold", "expired", "invalidated", "evicted"]].sum(axis=1)
    assert shares.round(9).eq(1).all()
    assert table["hit_rate"].is_monotonic_increasing


def test_without_a_cache_nothing_is_served_twice_and_nothing_is_old(load: list[Visit]) -> None:
    off = cache_staleness(load, ttls=[0]).iloc[0]

    assert (off["hit_rate"], off["stale_share"], off["age"]) == (0, 0, 0)


def test_every_request_is_timed_both_ways(load: list[Visit]) -> None:
    latency = request_latency(load)

    assert len(latency) == sum(visit.kind == "request" for visit in load)
    assert (latency > 0).all(axis=None)


def test_too_few_purchases_for_a_morning_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="purchases is 3 rows"):
        cache_load(pd.DataFrame(small_shop().head(3)))
