"""The cache lab: how long may an answer be served again?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, slider

CURVE = (0, 1, 2, 5, 10, 20, 30)


def cache_lab(loads: Mapping[int, Sequence[experiments.Visit]], *, ttl: int = 5, pace: int = 4) -> Bench:
    """Time to live against hits, stale hits, misses and latency.

    loads: purchases a minute → a `cache_load` with that pace. ttl (minutes), pace: where the sliders stand at
    first.
    """

    @cache
    def outcome(pace: int, ttl: int) -> pd.DataFrame:
        return experiments.cache_staleness(loads[pace], ttls=[ttl])

    def experiment(ttl: int, pace: int) -> pd.DataFrame:
        table = pd.concat([outcome(pace, minutes) for minutes in sorted({*CURVE, ttl})], ignore_index=True)
        return table.assign(now=table["ttl"] == ttl)

    controls = {
        "ttl": slider("time to live (minutes)", ttl, 0, 30),
        "pace": choice("purchases a minute, by all", pace, list(loads)),
    }
    return Bench("The cache lab", controls, experiment, plots.cache_staleness, _sentence)


def _sentence(table: pd.DataFrame) -> str:
    row: Any = next(table[table["now"]].itertuples())
    causes = {"expired": row.expired, "invalidated": row.invalidated, "cold": row.cold}
    most = max(causes, key=lambda cause: causes[cause])
    return f"{plots.cache_sentence(row)}. Answers were {row.age:.0f} s old on average; most misses: {most}."
