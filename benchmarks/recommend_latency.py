"""What an answer costs as users grow from a thousand to a million: ItemNeighbours beside a scan over all users.

A shop of 10,000 items, taken with a popularity that falls as 1 / rank (Zipf) and in runs of related ones, so that
lists of neighbours are full. The model learns 1,500 histories of 100 events; then users are multiplied: each has the
latest items of one of these histories and a state of his own, which is all that a request looks at. The scan
is the textbook's: Jaccard similarity of a user's last 100 items to those of everyone else. It is timed in the
same run, up to 100,000 users. Measure alone: on a busy machine p99 shows the other programs.

    python -m benchmarks recommend
"""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from time import perf_counter
from typing import Any

from recsys_lab.latency import LatencySketch
from recsys_lab.recommend.item_neighbours import ItemNeighbours

ITEMS = 10_000
HISTORIES = 1_500
EVENTS = 100
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MOST_SCANNED = 100_000
SCANS = 5


def rows(
    users: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000), *, requests: int = 5_000, seed: int = 0
) -> list[dict[str, Any]]:
    """One row for each number of users: latencies in ms, how many times faster than the scan, bytes a user.

    `times_faster_p99` is the median scan over the p99 of `recommend`, the comparison least kind to us. The scan is None
    beyond 100,000 users. `bytes_per_user` is what one user adds, without his name.
    """
    histories = _histories(random.Random(seed))
    state = _learned(histories).state()
    return [_row(count, state, histories, requests, seed) for count in users]


def _row(count: int, state: dict[str, Any], histories: list[list[str]], requests: int, seed: int) -> dict[str, Any]:
    model, bytes_per_user = _multiplied(count, state)
    at = START + timedelta(minutes=EVENTS)
    held = [frozenset(history) for history in histories]
    asked = random.Random(seed + 1).choices(range(count), k=requests)

    def ours(user: int) -> object:
        return model.recommend(f"user-{user}", 10, at=at, exclude=held[user % HISTORIES])

    everyone = [held[user % HISTORIES] for user in range(min(count, MOST_SCANNED))]

    def scan(user: int) -> object:
        return _scan(user, everyone)

    answers = _latencies(ours, asked)
    scans = _latencies(scan, asked[:SCANS]) if count <= MOST_SCANNED else None
    return {
        "users": count,
        "recommend_p50_ms": answers.percentile_ms(0.5),
        "recommend_p99_ms": answers.percentile_ms(0.99),
        "scan_p50_ms": scans.percentile_ms(0.5) if scans else None,
        "times_faster_p99": scans.percentile_ms(0.5) / answers.percentile_ms(0.99) if scans else None,
        "bytes_per_user": bytes_per_user,
    }


def _histories(rng: random.Random) -> list[list[str]]:
    cumulative = list(accumulate(1 / rank for rank in range(1, ITEMS + 1)))
    histories = []
    for _ in range(HISTORIES):
        starts = rng.choices(range(ITEMS), cum_weights=cumulative, k=EVENTS // 5)
        histories.append([f"item-{(start + rng.randrange(50)) % ITEMS}" for start in starts for _ in range(5)])
    return histories


def _learned(histories: list[list[str]]) -> ItemNeighbours:
    """A model to which all histories have happened side by side, one event a minute."""
    model = ItemNeighbours()
    for minute in range(EVENTS):
        for number, history in enumerate(histories):
            model.observe(f"user-{number}", history[minute], 1.0, START + timedelta(minutes=minute))
    return model


def _multiplied(count: int, state: dict[str, Any]) -> tuple[ItemNeighbours, float]:
    """The model with so many users, and the bytes that each of them takes."""
    learned = list(state["users"].values())
    users = {f"user-{number}": learned[number % HISTORIES] for number in range(count)}
    model = ItemNeighbours()
    tracemalloc.start()
    model.restore({**state, "users": {}})
    without, _ = tracemalloc.get_traced_memory()
    model.restore({**state, "users": users})
    total, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return model, (total - without) / count


def _scan(user: int, items: list[frozenset[str]]) -> list[tuple[float, int]]:
    """The ten users most alike, by looking at everyone."""
    mine = items[user]
    similar = []
    for other, theirs in enumerate(items):
        common = len(mine & theirs)
        similarity = common / (len(mine) + len(theirs) - common)
        if similarity > 0.1 and other != user:
            similar.append((-similarity, other))
    return sorted(similar)[:10]


def _latencies(answer: Callable[[int], object], asked: Sequence[int]) -> LatencySketch:
    """Times of the answers; the garbage collector rests meanwhile, for both alike."""
    latencies = LatencySketch()
    gc.collect()
    gc.disable()
    try:
        for user in asked:
            start = perf_counter()
            answer(user)
            latencies.add(perf_counter() - start)
    finally:
        gc.enable()
    return latencies
