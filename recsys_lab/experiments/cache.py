"""What a cache gives and what it costs: hits, their staleness, and the misses by cause.

A cached answer is right until something it depends on changes. The engine drops a user's answers when that
user acts; but others act too, and the list that would be computed now drifts away from the one that is kept.
How far, is measured here: every request of a load is answered both ways.

What the engine would compute at a request does not depend on its cache. So the engine goes through the load
once and computes every answer; then the lab's `RecommendationCache` alone goes through it for each time to
live. That gives what the whole engine gives with that time to live (a test compares the two), in a hundredth
of the time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from time import perf_counter
from typing import NamedTuple

import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.experiments.running import run
from recsys_lab.experiments.shop import open_shop
from recsys_lab.latency import LatencySketch
from recsys_lab.recommend.cache import RecommendationCache

VISITORS = 40
VIEWED_SHARE = 0.2
"""Chance that a customer, having got a list, views an item of it."""

AN_INSTANT = timedelta(microseconds=1)


class Visit(NamedTuple):
    """An entry of a load: a request and what was computed for it, or an interaction and its item.

    kind: request, purchase or view.
    computed_ms, cached_ms: how long the engine took to compute the answer, and to give it again from its
    cache, in wall time.
    """

    at: datetime
    kind: str
    user_id: str
    item_id: str = ""
    answer: tuple[str, ...] = ()
    computed_ms: float = 0.0
    cached_ms: float = 0.0


def cache_load(
    purchases: pd.DataFrame,
    *,
    requests_per_minute: float = 4.0,
    purchases_per_minute: float = 4.0,
    skew: float = 1.0,
    minutes: int = 90,
    learned: int = 1_500,
    seed: int = 0,
) -> list[Visit]:
    """A shop's morning: requests and real purchases, with what the engine computes for each request.

    purchases: as `datasets.load` gives them: the first `learned` come before, the next ones in their order,
    evenly spread. Requests come at random times, from 40 customers of these purchases: the n-th is
    drawn in proportion to 1 / n^skew, so 0 means that all come equally often. One in five then views an item.
    minutes: how long. Raises InvalidEvent when there are too few purchases for that.
    """
    wanted = learned + round(purchases_per_minute * minutes)
    if len(purchases) < wanted:
        raise InvalidEvent(f"purchases is {shorten(len(purchases))} rows; {wanted} are needed. Take more days.")
    before, coming = purchases.iloc[:learned], purchases.iloc[learned:wanted]
    plan = [
        (timedelta(minutes=number / purchases_per_minute), str(user_id), str(item_id))
        for number, (user_id, item_id) in enumerate(zip(coming["user_id"], coming["item_id"], strict=True))
    ]
    chance = random.Random(seed)
    customers = sorted(purchases["user_id"].iloc[:wanted].unique())
    visitors = chance.sample(customers, min(VISITORS, len(customers)))
    weights = [round(1 / rank**skew, 9) for rank in range(1, len(visitors) + 1)]
    for _ in range(round(requests_per_minute * minutes)):
        after = timedelta(seconds=round(chance.random() * minutes * 60, 3))
        plan.append((after, chance.choices(visitors, weights)[0], ""))
    return run(_answered(before, sorted(plan), seed))


def cache_staleness(load: Iterable[Visit], *, ttls: Iterable[float] = (0, 1, 2, 5, 10, 20, 30)) -> pd.DataFrame:
    """What a cache does with a load, a row for each time to live. ttls: in minutes.

    Columns, the same on every run:
    ttl (minutes), requests (how many); as shares of requests: hit_rate, fresh, stale (hits), cold, expired,
    invalidated, evicted (misses by cause); stale_share: of the hits, those whose ten items would be others
    now, in any order; staleness: mean share of the ten that would be others, over hits; age: of what
    was served, mean in seconds, 0 when computed.
    Columns measured in wall time, for plots only: mean_ms, p50_ms, p99_ms of all answers.
    """
    visits = list(load)
    return pd.DataFrame([_replayed(visits, timedelta(minutes=ttl)) for ttl in ttls])


def request_latency(load: Iterable[Visit]) -> pd.DataFrame:
    """How long each request of a load took, asked twice at the same instant; in wall time, so never twice the same.

    Columns: computed_ms (the engine ranked its candidates), cached_ms (it gave the same answer again).
    """
    rows = [(visit.computed_ms, visit.cached_ms) for visit in load if visit.kind == "request"]
    return pd.DataFrame(rows, columns=["computed_ms", "cached_ms"])


async def _answered(before: pd.DataFrame, plan: list[tuple[timedelta, str, str]], seed: int) -> list[Visit]:
    """What comes of a plan of (time since opening, user, item bought, or "" for a request)."""
    chance = random.Random(f"views {seed}")
    shop = await open_shop(before, seed=seed, cache_ttl=AN_INSTANT)
    clock = shop.clock
    assert isinstance(clock, SimulatedClock)
    opened = clock.now()
    visits = []
    for after, user_id, item_id in plan:
        clock.set(max(opened + after, clock.now() + AN_INSTANT))  # no answer is kept from before
        if item_id:
            await shop.process_user_interaction(user_id, item_id, "purchase")
            visits.append(Visit(clock.now(), "purchase", user_id, item_id))
            continue
        began = perf_counter()
        answer = await shop.get_recommendations(user_id)
        computed = perf_counter()
        await shop.get_recommendations(user_id)
        cached = perf_counter()
        items = tuple(r.item_id for r in answer)
        milliseconds = (computed - began) * 1000, (cached - computed) * 1000
        visits.append(Visit(clock.now(), "request", user_id, "", items, *milliseconds))
        if items and chance.random() < VIEWED_SHARE:
            viewed = chance.choice(items)
            await shop.process_user_interaction(user_id, viewed, "view")
            visits.append(Visit(clock.now(), "view", user_id, viewed))
    await shop.stop()
    return visits


def _replayed(visits: list[Visit], ttl: timedelta) -> dict[str, float]:
    """One cache through the load."""
    now = visits[0].at
    cache = RecommendationCache(ttl, timer=lambda: now)
    requests = hits = stale = 0
    staleness = age = total_ms = 0.0
    latency = LatencySketch()
    for visit in visits:
        now = visit.at
        if visit.kind != "request":
            cache.invalidate_user(visit.user_id)
            continue
        requests += 1
        kept = cache.get(visit.user_id, 10, {}, {})
        if kept is None:
            cache.put(visit.user_id, 10, {}, {}, [visit], visit.answer)
        else:
            served: Visit = kept[0]
            others = len(set(served.answer) - set(visit.answer))
            hits, stale = hits + 1, stale + (others > 0)
            staleness += others / max(1, len(served.answer))
            age += (now - served.at).total_seconds()
        took_ms = visit.computed_ms if kept is None else visit.cached_ms
        total_ms += took_ms
        latency.add(took_ms / 1000)
    return {
        "ttl": ttl / timedelta(minutes=1),
        "requests": requests,
        "hit_rate": hits / requests,
        "fresh": (hits - stale) / requests,
        "stale": stale / requests,
        **{cause: count / requests for cause, count in cache.miss_causes().items()},
        "stale_share": stale / max(1, hits),
        "staleness": staleness / max(1, hits),
        "age": age / requests,
        "mean_ms": total_ms / requests,
        "p50_ms": latency.percentile_ms(0.50),
        "p99_ms": latency.percentile_ms(0.99),
    }
