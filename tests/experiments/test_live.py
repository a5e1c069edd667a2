"""A live run gives the figures that an independent count of the same run gives."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from recsys_lab import datasets
from recsys_lab.demo import demo, view
from recsys_lab.engine import StreamingRecommendationEngine
from recsys_lab.experiments.live import live_run, start_of
from recsys_lab.experiments.monitoring.drifts import DriftFigures, DriftWatch
from recsys_lab.experiments.monitoring.figures import LiveFigures, figure_rows
from recsys_lab.experiments.settings import InMemory


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return datasets.load("online-retail").head(2_500)


def run(interactions: pd.DataFrame, **options: Any) -> list[LiveFigures]:
    async def collect() -> list[LiveFigures]:
        clock = start_of(interactions)
        async with StreamingRecommendationEngine(clock=clock, exploration=0.0) as engine:
            return [figures async for figures in live_run(InMemory(engine, clock), interactions, **options)]

    return asyncio.run(collect())


def exact(figures: LiveFigures) -> tuple[object, ...]:
    """What does not depend on how fast this machine is."""
    measured = {"per_second", "p50_ms", "p95_ms", "p99_ms", "p999_ms"}
    return tuple(repr(value) for name, value in figures._asdict().items() if name not in measured)  # NaN equals NaN


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


def test_every_request_was_served_from_the_cache_or_missed_for_one_cause(purchases: pd.DataFrame) -> None:
    for figures in run(purchases):
        causes = (figures.cold, figures.expired, figures.invalidated, figures.evicted)
        assert figures.cache_hit_rate + sum(causes) == pytest.approx(1.0)


def test_an_answer_from_the_cache_is_no_older_than_its_time_to_live(purchases: pd.DataFrame) -> None:
    last = run(purchases)[-1]
    assert 0 <= last.age <= 300
    assert 0 <= last.stale <= 1


def test_in_memory_nothing_lags_behind(purchases: pd.DataFrame) -> None:
    assert {figures.lag for figures in run(purchases)} == {0}


def test_watching_changes_nothing_that_is_watched(purchases: pd.DataFrame) -> None:
    class Blind(DriftWatch):
        def shown(self, user_id: str, items: Sequence[str]) -> None: ...
        def taken(self, items: Iterable[str]) -> None: ...
        def answered(self, hit: bool) -> None: ...

    seen, unseen = run(purchases)[-1], run(purchases, drifts=Blind({}))[-1]
    assert exact(seen)[:-1] == exact(unseen)[:-1]  # all but the drift figures
    assert seen.drift != unseen.drift


def whole_year() -> LiveFigures:
    drift = DriftFigures(0.91, 0.83, 0.15, 0.14, "candles and lights", 0.048, 12, 34)
    time = pd.Timestamp("2011-09-30", tz="UTC")
    service = (12_345.0, 400, 112.55, 113.98, 124.47, 1_346.41, 0.045, 0.277, 0.047, 0.387, 0.101, 118.4, 0.13)
    return LiveFigures(time, 396_274, 396_274, 33_243, *service, 13_396, 0.321, 0.283, drift)


def test_each_figure_fits_in_one_line_of_a_terminal_of_80_columns() -> None:
    console = Console(record=True, width=80, force_terminal=False)
    console.print(view(whole_year()))
    assert len(console.export_text().splitlines()) == len(figure_rows(whole_year())) + 1  # and the bar


def test_what_was_not_there_to_be_measured_is_a_dash(purchases: pd.DataFrame) -> None:
    first = run(purchases.head(20))[-1]
    values = {row.name: row.value for row in figure_rows(first)}
    assert values["shown has moved"] == values["input has moved"] == values["on the rise"] == "–"


def test_the_terminal_shows_every_figure(purchases: pd.DataFrame) -> None:
    console = Console(record=True, width=120, force_terminal=False)
    last = demo(purchases, console=console)
    shown = console.export_text()
    for row in figure_rows(last):
        assert row.name in shown
        assert row.value in shown


def test_where_nothing_can_be_redrawn_lines_say_how_far_it_is_and_the_table_comes_once(
    purchases: pd.DataFrame,
) -> None:
    console = Console(file=io.StringIO(), width=120, record=True)
    demo(purchases, console=console)
    shown = console.export_text()
    lines = [f"{done} of 2,500 interactions" for done in ("1,000", "2,000", "2,500")]
    assert shown.splitlines()[:3] == lines
    assert shown.count("hit rate @ 10") == 1
