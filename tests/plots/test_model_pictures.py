"""Pictures of features, models and rankings: the title follows the table."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import plots

FIGURES = pd.DataFrame(
    {
        "hit_rate": [0.03, 0.06, 0.30],
        "first_hit_rate": [0.03, 0.04, 0.05],
        "questions": 1000,
        "first_questions": 50,
    },
    index=["Popularity", "UserNeighbours", "ItemNeighbours"],
)


def a_leak(offline: float, live: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "features_as_of": ["the event", "the end of its day"],
            "offline_auc": [0.67, offline],
            "live_auc": [0.67, live],
        }
    )


def a_skew(log_loss: float, equal: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "online_store": ["the same definitions", "counts since midnight"],
            "log_loss": [0.6, log_loss],
            "equal_vectors": [1.0, equal],
        }
    )


def a_latency(p50: float) -> pd.DataFrame:
    rows = [(n, step, p50, 2 * p50) for n in (1, 13) for step in ("reading features", "prediction")]
    return pd.DataFrame(rows, columns=["features", "step", "p50_ms", "p99_ms"])


def a_ranking(ours_apart: float, textbook: tuple[float, float], group: str = "base") -> pd.DataFrame:
    rows = [
        (rule, place, f"i{place}", f"Item {place}", part, effect, score, spread)
        for rule, scores, spread in (("textbook", textbook, 0.0), ("ours", (0.5, 0.5 - ours_apart), ours_apart))
        for place, score in enumerate(scores, start=1)
        for part, effect in (("base", score), (group, 0.0))
    ]
    columns = ["rule", "place", "item_id", "name", "group", "effect", "score", "spread"]
    return pd.DataFrame(rows, columns=columns)


def test_the_hit_rates_are_told_beside_the_next_best() -> None:
    assert (
        plots.hit_rates(FIGURES).finding == "ItemNeighbours finds the next item 30 % of the time, 5.0 × UserNeighbours"
    )


def test_the_leak_is_told_by_what_it_promised_and_what_it_earned() -> None:
    finding = plots.leak(a_leak(0.99, 0.5)).finding
    assert finding == "The leak promises 0.99 and earns 0.50; the honest table keeps its 0.67"


@pytest.mark.parametrize(
    ("log_loss", "equal", "quiet", "found"), [(0.61, 0.2, 1, 1), (0.9, 0.2, 0, 1), (0.6, 1.0, 1, 0)]
)
def test_the_skews_are_counted_by_score_and_by_vector(log_loss: float, equal: float, quiet: int, found: int) -> None:
    finding = plots.skew(a_skew(log_loss, equal)).finding
    assert f"{quiet} of 1 skews hardly show" in finding
    assert f"finds {found} of 1" in finding


def test_the_latency_title_holds_a_bound_and_no_measured_number() -> None:
    assert plots.inference_latency(a_latency(0.02)).finding == plots.inference_latency(a_latency(0.2)).finding
    assert "slow" in plots.inference_latency(a_latency(7.0)).finding


def test_a_request_without_an_answer_is_told() -> None:
    answers = pd.DataFrame({"answered": [0, 2, 1], "version": [1, 2, 1], "probability": [0.2, 0.3, 0.4]})

    assert plots.hot_swap(answers).finding.startswith("1 swap under 3 requests: none lost")
    assert "1 lost" in plots.hot_swap(answers.assign(probability=[0.2, None, 0.4])).finding


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (a_ranking(0.2, (1.0, 1.0)), "gives all candidates 1.000, listed by item code; ours differ by 0.20"),
        (a_ranking(0.2, (0.6, 0.5), "exploration"), "Take away chance"),
        (a_ranking(0.0, (0.6, 0.5), "exploration"), "nothing is known yet"),
    ],
)
def test_the_ranking_says_where_the_order_comes_from(table: pd.DataFrame, told: str) -> None:
    assert told in plots.ranking(table).finding


def test_the_seeds_picture_tells_how_many_items_stay() -> None:
    rows = [
        (rule, seed, item, place) for rule in ("textbook", "ours") for seed in (0, 1) for place, item in enumerate("ab")
    ]
    table = pd.DataFrame(rows, columns=["rule", "seed", "item_id", "place"])

    finding = plots.reseeded(table, pd.Series({"textbook": 2.1, "ours": 6.4})).finding
    assert finding == "With another seed 2 of 10 items stay on the textbook's list, 6 of 10 on ours"


def test_the_curves_tell_the_begin_and_the_end_of_the_best() -> None:
    rows = [
        (name, 100 * n, rate * n / 20, rate)
        for name, rate in (("Popularity", 0.1), ("ItemNeighbours", 0.4))
        for n in range(1, 21)
    ]
    table = pd.DataFrame(rows, columns=["recommender", "events", "recent_hit_rate", "hit_rate"])

    finding = plots.learning_curves(table).finding
    assert finding.startswith("ItemNeighbours goes on learning")
    assert finding.endswith("31 % at the end")


def test_a_recommender_that_learns_early_is_said_to_learn_fast() -> None:
    rates = [0.1] * 5 + [0.3] * 35
    rows = [("ItemNeighbours", 2000 * n, rate, rate) for n, rate in enumerate(rates, start=1)]
    table = pd.DataFrame(rows, columns=["recommender", "events", "recent_hit_rate", "hit_rate"])

    rising, level = table.iloc[:20], table.assign(recent_hit_rate=[0.1] * 5 + [0.28] * 5 + [0.2] * 30)
    assert plots.learning_curves(rising).finding.startswith("ItemNeighbours goes on learning")
    assert (
        plots.learning_curves(level).finding == "ItemNeighbours learns fast: from 10 % to 19 % within 20,000 purchases"
    )


def test_where_both_scores_are_the_same_the_leak_picture_says_so_once() -> None:
    (ax,) = plots.leak(a_leak(0.99, 0.5)).axes
    labels = [text.get_text() for text in ax.texts]
    assert labels[:3] == ["0.67 offline and live", "0.50 live", "0.99 offline"]
