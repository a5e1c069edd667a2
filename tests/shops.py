"""A small simulated shop, for tests of experiments, pictures and widgets. Shared by all: change nothing."""

from __future__ import annotations

from functools import cache

import pandas as pd

from recsys_lab import experiments


@cache
def small_shop() -> pd.DataFrame:
    """2,000 interactions of 150 users with 600 items."""
    return experiments.simulate(users=150, items=600, days=14, seed=3).events.head(2_000)


@cache
def a_story() -> pd.DataFrame:
    """An event's life in that shop."""
    return experiments.event_life(small_shop().head(600))


@cache
def a_load() -> list[experiments.Visit]:
    """A quarter of an hour in that shop."""
    return experiments.cache_load(small_shop(), minutes=15, requests_per_minute=10, learned=300, seed=5)


@cache
def some_steps() -> pd.DataFrame:
    """A newcomer's first three steps in that shop."""
    return experiments.first_steps(small_shop().head(600), steps=3)
