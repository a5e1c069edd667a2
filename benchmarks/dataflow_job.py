"""The job that dataflow engines are compared on: its events and its functions, which know no engine.

map → filter → key_by → 5-minute tumbling event-time windows with 30 s of disorder → aggregate.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from random import Random
from typing import Any

EVENTS = 200_000
USERS = 1_000
BOUND_MS = 30_000
SIZE_MS = 300_000
WEIGHTS = {"purchase": 1.0, "rating": 0.8, "click": 0.5, "view": 0.1, "scroll": 0.01}

Event = tuple[str, str, str, int]
Result = tuple[str, int, int, float]


def events(count: int = EVENTS, users: int = USERS, disorder_ms: int = 2 * BOUND_MS, seed: int = 7) -> list[Event]:
    """(user, item, interaction type, epoch ms), 20 a second, each late by up to `disorder_ms`."""
    random = Random(seed)
    kinds = ["view"] * 5 + ["click"] * 2 + ["purchase", "rating", "scroll"]
    return [
        (
            f"user{random.randrange(users)}",
            f"item{random.randrange(5_000)}",
            kinds[random.randrange(10)],
            1_767_225_600_000 + i * 50 - int(random.random() ** 3 * disorder_ms),
        )
        for i in range(count)
    ]


def timestamp(event: Event, _: int) -> int:
    return event[3]


def weigh(event: Event) -> tuple[str, str, float]:
    return event[0], event[1], WEIGHTS.get(event[2], 0.3)


def is_interest(weighed: tuple[str, str, float]) -> bool:
    return weighed[2] > 0.05


def user_of(weighed: tuple[str, str, float]) -> str:
    return weighed[0]


class CountAndSum:
    """Number of interactions, and the sum of their weights."""

    def create_accumulator(self) -> tuple[int, float]:
        return 0, 0.0

    def add(self, value: tuple[str, str, float], accumulator: tuple[int, float]) -> tuple[int, float]:
        return accumulator[0] + 1, accumulator[1] + value[2]

    def get_result(self, accumulator: tuple[int, float]) -> tuple[int, float]:
        return accumulator

    def merge(self, a: tuple[int, float], b: tuple[int, float]) -> tuple[int, float]:
        return a[0] + b[0], a[1] + b[1]


def with_user(key: str, window: Any, results: list[tuple[int, float]]) -> list[Result]:
    return [(key, window.start, *results[0])]


def answer(results: Iterable[Result]) -> list[int]:
    """What results come to, in whatever order: how many, how many events are in them, and a checksum."""
    ordered = sorted((user, start, count, round(total, 6)) for user, start, count, total in results)
    return [len(ordered), sum(result[2] for result in ordered), zlib.crc32(repr(ordered).encode())]
