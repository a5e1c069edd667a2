"""A live run gives the figures that an independent count of the same run gives."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest
from rich.console import Console

from recsys_lab import datasets
from recsys_lab.demo import demo, rows, view
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import LiveFigures, live_run, start_of
from recsys_lab.experiments.settings import InMemory


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return datasets.load("online-retail").head(2_500)


def run(interactions: pd.DataFrame, **options: int) -> list[LiveFigures]:
    async def collect() -> list[LiveFigures]:
        clock = start_of(interactions)
        async with StreamingRecommendationEngine(clock=clock, exploration=0.0) as engine:
            return [figures async for figures in live_run(InMemory(engine, clock), interactions, **options)]

    return asyncio.run(collect())


def exact(figures: LiveFigures) -> tuple[object, ...]:
    """What does not depend on how fast this machine is."""
    return (figures.interactions, figures.requests, figures.cache_hit_rate, figures.questions, figures.hit_rate)


def test_figures_come_at_each_stretch_and_at_the_end(purchases: pd.DataFrame) -> None:
    reported = [figures.interactions for figures in run(purchases, report_every=1_000)]
    assert reported == [1_000, 2_000, 2_500]


def test_the_same_seed_gives_the_same_figures_and_another_one_does_not(purchases: pd.DataFrame) -> None:
    first, again, other = (exact(run(purchases, seed=seed)[-1]) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_questions_are_the_asked_rows_whose_item_the_user_did_not_have(purchases: pd.DataFrame) -> None:
    repeat = purchases.duplicated(["user_id", "item_id"])
    asked = [not repeat.iloc[number] for number in range(20, len(purchases), 20)]
    assert run(purchases, ask_every=20)[-1].questions == sum(asked)


def test_rates_are_shares_and_latencies_are_ordered(purchases: pd.DataFrame) -> None:
    last = run(purchases)[-1]
    assert 0 < last.hit_rate < 1
    assert 0 < last.cache_hit_rate < 1
    assert 0 < last.p50_ms <= last.p95_ms <= last.p99_ms
    assert last.per_second > 0


def test_each_figure_fits_in_one_line_of_a_terminal_of_80_columns() -> None:
    console = Console(record=True, width=80, force_terminal=False)
    time = pd.Timestamp("2011-09-30", tz="UTC")
    whole_year = LiveFigures(time, 396_274, 396_274, 33_243, 12_345.0, 12.55, 113.98, 124.47, 0.045, 13_396, 0.321)
    console.print(view(whole_year))
    assert len(console.export_text().splitlines()) == len(rows(whole_year)) + 1  # and the bar


def test_the_terminal_shows_every_figure(purchases: pd.DataFrame) -> None:
    console = Console(record=True, width=120, force_terminal=False)
    last = demo(purchases, console=console)
    shown = console.export_text()
    for name, value, _ in rows(last):
        assert name in shown
        if name != "throughput":
            assert value in shown
