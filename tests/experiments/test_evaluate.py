"""Recommenders beside each other: the same questions for all, and a caller who can watch."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.experiments import evaluate
from recsys_lab.recommend import evaluate as rules
from recsys_lab.recommend.item_neighbours import ItemNeighbours

NAMES = ["Popularity", "TextbookRanking", "UserNeighbours", "ItemNeighbours"]


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return experiments.simulate(60, 80, 4, seed=1).events


@pytest.fixture(scope="module")
def results(purchases: pd.DataFrame) -> dict[str, rules.PrequentialResult]:
    return evaluate.judge(purchases, every=5)


def test_the_protocol_and_its_result_can_be_had_from_the_experiment_too() -> None:
    assert evaluate.prequential is rules.prequential
    assert evaluate.PrequentialResult is rules.PrequentialResult


def test_there_is_a_row_for_each_of_the_four(results: dict[str, rules.PrequentialResult]) -> None:
    table = evaluate.figures(results)

    assert list(table.index) == NAMES
    assert table["questions"].nunique() == table["first_questions"].nunique() == 1


def test_a_row_holds_what_prequential_finds_for_that_recommender_alone(purchases: pd.DataFrame) -> None:
    table = experiments.compare(purchases, k=7, every=5)

    alone = rules.prequential(ItemNeighbours(), purchases, 7, every=5)
    row = table.loc["ItemNeighbours"]
    assert (row["hit_rate"], row["ndcg"], row["coverage"]) == (alone.hit_rate, alone.ndcg, alone.coverage)
    assert (row["first_hit_rate"], row["first_questions"]) == (alone.first.hit_rate, alone.first.questions)


def test_the_table_is_the_same_on_every_run_and_whoever_watches(
    purchases: pd.DataFrame, results: dict[str, rules.PrequentialResult]
) -> None:
    watched = experiments.compare(purchases, every=5, progress=lambda name, share: None)

    pd.testing.assert_frame_equal(watched, evaluate.figures(results))


def test_progress_names_each_recommender_and_runs_from_nothing_to_all(purchases: pd.DataFrame) -> None:
    heard: dict[str, list[float]] = {}
    experiments.compare(purchases, every=50, progress=lambda name, share: heard.setdefault(name, []).append(share))

    assert list(heard) == NAMES
    for shares in heard.values():
        assert (shares[0], shares[-1]) == (0.0, 1.0)
        assert shares == sorted(shares)
        assert len(shares) <= evaluate.REPORTS + 3


def test_curves_end_at_the_figures(results: dict[str, rules.PrequentialResult]) -> None:
    ends = evaluate.curves(results).groupby("recommender").last()

    for name, row in evaluate.figures(results).iterrows():
        assert (ends.loc[name, "hit_rate"], ends.loc[name, "questions"]) == (
            row["hit_rate"],
            row["questions"],
        )


def test_latencies_are_percentiles_that_do_not_fall(results: dict[str, rules.PrequentialResult]) -> None:
    measured = evaluate.latencies(results)

    assert list(measured.index) == NAMES
    assert (measured.diff(axis="columns").iloc[:, 1:] >= 0).all(axis=None)
