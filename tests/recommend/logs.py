"""Small generated logs of different kinds, in the columns that `prequential` reads."""

from __future__ import annotations

import random
from itertools import accumulate
from math import log
from operator import mul

import pandas as pd

Row = tuple[float, str, str, str, "str | None"]  # seconds, user, item, interaction type, session


def a_log(rows: list[Row]) -> pd.DataFrame:
    """The table of these rows, oldest first."""
    table = pd.DataFrame(
        sorted(rows, key=lambda row: row[0]),
        columns=["seconds", "user_id", "item_id", "interaction_type", "session_id"],
    )
    start = pd.Timestamp("2026-01-01", tz="UTC")
    table["timestamp"] = (start + pd.to_timedelta(table["seconds"], unit="s")).dt.floor("us")
    return table.drop(columns="seconds")


def baskets(seed: int, *, count: int = 800, users: int = 120, items: int = 300) -> pd.DataFrame:
    """Shoppers: baskets of a session id each, filled from one of 15 shelves along the shelf, days apart."""
    rng, rows = random.Random(seed), []
    shelf = items // 15
    for basket in range(count):
        start, user = basket * 2_000.0, f"u{rng.randrange(users)}"
        item = rng.randrange(items)
        for step in range(rng.randrange(2, 9)):
            rows.append((start + 20 * step, user, f"i{item:04d}", "purchase", f"b{basket}"))
            item = item // shelf * shelf + (item + rng.randrange(1, 4)) % shelf
    return a_log(rows)


def tastes(seed: int, *, events: int = 6_000, users: int = 250, items: int = 400) -> pd.DataFrame:
    """Raters without sessions: each likes two of ten genres and takes their popular items, at any time."""
    rng, rows = random.Random(seed), []
    likes = [rng.sample(range(10), 2) for _ in range(users)]
    weights = list(accumulate(1 / rank for rank in range(1, items // 10 + 1)))
    for number in range(events):
        user = rng.randrange(users)
        place = rng.choices(range(items // 10), cum_weights=weights)[0]
        item = place * 10 + rng.choice(likes[user])
        rows.append((number * 700.0, f"u{user}", f"i{item:04d}", "rating", None))
    return a_log(rows)


def raters(seed: int, *, users: int = 150, items: int = 500, factors: int = 6) -> pd.DataFrame:
    """Raters in the sense of matrix factorisation: each takes what is near to a hidden taste, in any order.

    Most rate all they know in one evening, some come back days later. No item leads to another one.
    """
    rng, rows = random.Random(seed), []
    place = [[rng.gauss(0, 1) for _ in range(factors)] for _ in range(items)]
    known = [rng.gauss(0, 1.5) for _ in range(items)]
    for user in range(users):
        taste = [1.2 * rng.gauss(0, 1) for _ in range(factors)]
        appeal = [sum(map(mul, taste, place[item])) + known[item] - log(-log(rng.random())) for item in range(items)]
        taken = sorted(range(items), key=lambda item: -appeal[item])[: 5 + int(rng.expovariate(1 / 40))]
        rng.shuffle(taken)
        seconds = rng.random() * 180 * 86_400
        for item in taken:
            seconds += rng.expovariate(1 / 40) if rng.random() < 0.97 else rng.expovariate(1 / 700_000)
            rows.append((seconds, f"u{user}", f"i{item:04d}", "rating", None))
    return a_log(rows)
