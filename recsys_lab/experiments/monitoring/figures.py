"""The figures of a running shop, and how people read them: one set for terminal, dashboard and plots."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import NamedTuple

import pandas as pd

from recsys_lab.experiments.monitoring.drifts import DriftFigures


class LiveFigures(NamedTuple):
    """A run so far, or the stretch of it since the figures before.

    time: of the interaction at hand, in the data. interactions, requests: done so far. total: interactions in all.
    Of the stretch, in wall time: per_second (interactions and requests); lag, the most interactions that were sent and
    not yet learned from.
    Latency of answers so far, in wall time: p50_ms, p95_ms, p99_ms, p999_ms.
    Cache, shares of all requests so far: cache_hit_rate; cold, expired, invalidated, evicted, the misses by cause.
    Staleness of what the cache has served so far: age, mean in seconds of the data's time; stale, share whose items
    would have been others if computed then. NaN when it has served nothing.
    questions: items taken next that a list could have held; hit_rate: share whose list of ten did, so far;
    recent_hit_rate: in the stretch, NaN without a question.
    drift: of the stretch.
    """

    time: pd.Timestamp
    interactions: int
    total: int
    requests: int
    per_second: float
    lag: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    cache_hit_rate: float
    cold: float
    expired: float
    invalidated: float
    evicted: float
    age: float
    stale: float
    questions: int
    hit_rate: float
    recent_hit_rate: float
    drift: DriftFigures


class Row(NamedTuple):
    """A figure as it is shown: its name, its value, what it means, and whether it is measured in wall time."""

    name: str
    value: str
    meaning: str
    measured: bool = False


def figure_rows(figures: LiveFigures) -> list[Row]:
    """Every figure as text, in reading order."""
    drift = figures.drift
    return [
        Row("date in the data", f"{figures.time:%d %B %Y}", "purchases in their order"),
        Row("interactions", f"{figures.interactions:,} of {figures.total:,}", "each updates profile and model"),
        Row("throughput", f"{figures.per_second:,.0f} per s", "events and requests, just now", measured=True),
        Row("lag", f"{figures.lag:,}", "events not learned from yet", measured=True),
        Row(
            "latency",
            " · ".join(map(_milliseconds, (figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.p999_ms))),
            "ms: p50 · p95 · p99 · p99.9",
            measured=True,
        ),
        Row("cache hit rate", f"{figures.cache_hit_rate:.1%}", f"of {figures.requests:,} requests so far"),
        Row(
            "cache misses",
            f"{figures.cold:.0%} · {figures.invalidated:.0%} · {figures.expired:.0%} · {figures.evicted:.0%}",
            "cold, dropped, expired, evicted",
        ),
        Row("staleness", _staleness(figures), "age in the cache; share outdated"),
        Row("hit rate @ 10", f"{figures.hit_rate:.3f}", f"of {figures.questions:,} next purchases"),
        Row("just now", _number(figures.recent_hit_rate, ".3f"), "in the last stretch"),
        Row("lists alike", f"{_number(drift.rbo)} · {_number(drift.jaccard)}", "RBO · Jaccard, to the list before"),
        Row("shown has moved", _number(drift.shown_drift), "from all shown before, 0 to 1"),
        Row("input has moved", _number(drift.input_drift), "from all taken before, 0 to 1"),
        Row("on the rise", _rising(drift), "share of what is taken, points"),
        Row("alarms", f"{drift.error_alarms} · {drift.input_alarms}", "error · input, so far (ADWIN)"),
    ]


def live_table(run: Iterable[LiveFigures]) -> pd.DataFrame:
    """A row for each of the figures, a column for each of their fields, those of `drift` included."""
    table = pd.DataFrame([{**figures._asdict(), **figures.drift._asdict()} for figures in run])
    return table.drop(columns="drift")


def _number(value: float, how: str = ".2f") -> str:
    return "–" if isnan(value) else format(value, how)


def _milliseconds(value: float) -> str:
    """Three digits or more, whatever the size."""
    return format(value, ".2f" if value < 10 else ".1f" if value < 100 else ",.0f")


def _staleness(figures: LiveFigures) -> str:
    return "–" if isnan(figures.age) else f"{figures.age:.0f} s · {figures.stale:.0%}"


def _rising(drift: DriftFigures) -> str:
    return f"{drift.rising} {100 * drift.rise:+.0f}" if drift.rising else "–"
