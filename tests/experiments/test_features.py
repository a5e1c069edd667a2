"""Experiments on features, with simulated shoppers: a leak flatters, a skew costs, a swap loses nothing."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments import features, simulate


@cache
def shoppers() -> pd.DataFrame:
    return simulate(60, 200, 10, seed=1).events


@cache
def leaks() -> pd.DataFrame:
    return features.leak(shoppers()).set_index("features_as_of")


@cache
def skews() -> pd.DataFrame:
    return features.skew(shoppers()).set_index("online_store")


# -- leak ----------------------------------------------------------------------------------------------------


def test_without_a_leak_the_live_score_is_the_offline_score():
    honest = leaks().loc["the event"]
    assert honest.offline_auc == honest.live_auc > 0.65
    assert honest.offline_log_loss == honest.live_log_loss < 0.693


@pytest.mark.parametrize("reading", ["the end of its day", "the end of the log"])
def test_a_leak_promises_near_perfection_and_serves_worse_than_honest_features(reading):
    leaky, honest = leaks().loc[reading], leaks().loc["the event"]
    assert leaky.offline_auc > 0.95
    assert leaky.live_auc < honest.live_auc
    assert leaky.live_log_loss > 0.693 > honest.live_log_loss


def test_learning_on_from_live_examples_mends_what_a_leak_has_spoilt():
    leaky = leaks().drop("the event")
    assert (leaky.learning_log_loss < leaky.live_log_loss - 0.2).all()


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    pd.testing.assert_frame_equal(features.leak(shoppers()).set_index("features_as_of"), leaks())
    assert not features.leak(shoppers(), seed=1).set_index("features_as_of").equals(leaks())


# -- skew ----------------------------------------------------------------------------------------------------


def test_the_same_definitions_serve_the_very_vectors_of_the_training_table():
    mended = skews().loc["the same definitions"]
    assert mended.equal_vectors == 1.0
    assert mended.most_different == ""


def test_every_skew_is_found_by_comparing_vectors_and_named_by_its_feature():
    skewed = skews().drop("the same definitions")
    assert (skewed.equal_vectors < 0.9).all()
    assert skewed.most_different["counts since midnight"] in ("item_events_1d", "user_events_1d")
    assert "category" in skewed.most_different["no categories"]


def test_a_store_that_never_hears_of_categories_or_lives_in_another_zone_costs_score():
    assert skews().auc["no categories"] < skews().auc["the same definitions"] - 0.05
    assert skews().auc["local time for UTC"] < skews().auc["the same definitions"] - 0.02


# -- latency and hot swap ------------------------------------------------------------------------------------


def test_latency_is_given_for_each_step_and_number_of_features():
    table = features.inference_latency(shoppers(), requests=50, feature_counts=(1, 5))
    assert table.features.tolist() == [1, 1, 5, 5]
    assert set(table.step) == {"reading features", "prediction"}
    assert (table.requests == 50).all()
    assert ((table.p50_ms > 0) & (table.p50_ms <= table.p95_ms) & (table.p95_ms <= table.p99_ms)).all()


@pytest.mark.parametrize("threads", [1, 4])
def test_a_hot_swap_answers_every_request_once_and_no_thread_sees_versions_go_back(threads):
    table = features.hot_swap(shoppers(), requests=300, swap_before=(100, 200), threads=threads)
    assert table.request.tolist() == list(range(300))
    assert sorted(table.answered) == list(range(300))
    assert set(table.version) == {1, 2, 3}
    assert table.groupby("thread").version.apply(lambda seen: seen.is_monotonic_increasing).all()


@pytest.mark.parametrize("threads", [1, 4])
def test_each_answer_during_a_hot_swap_is_exactly_what_its_version_says_alone(threads):
    table = features.hot_swap(shoppers(), requests=300, swap_before=(100, 200), threads=threads)
    assert table.probability.tolist() == table.alone.tolist()


def test_with_one_thread_the_version_changes_exactly_at_the_swap():
    table = features.hot_swap(shoppers(), requests=30, swap_before=(10, 20))
    assert table.version.tolist() == [1] * 10 + [2] * 10 + [3] * 10


# -- examples and scores -------------------------------------------------------------------------------------


def test_examples_are_first_takes_beside_items_that_others_took_before_and_the_user_did_not():
    log = shoppers()
    examples = features.make_examples(log, seed=3)
    for (user, item, at), taken in zip(examples.lookups, examples.taken, strict=True):
        earlier = log[log.timestamp < at]
        assert not ((earlier.user_id == user) & (earlier.item_id == item)).any()
        assert taken or (earlier.item_id == item).any()
    assert sum(examples.taken) * 2 == len(examples.taken)


def test_too_little_data_is_refused():
    with pytest.raises(InvalidEvent, match="interactions has 5 rows"):
        features.make_examples(shoppers().head(5))


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.booleans()), min_size=2, max_size=30))
def test_roc_auc_equals_the_share_of_pairs_in_the_right_order(answers):
    wins = [
        1.0 if yes > no else 0.5 if yes == no else 0.0
        for yes, taken in answers
        for no, other in answers
        if taken and not other
    ]
    if wins:
        probabilities, taken = zip(*answers, strict=True)
        assert features.roc_auc(probabilities, taken) == pytest.approx(sum(wins) / len(wins))


def test_log_loss_of_knowing_nothing_is_log_2_and_being_surely_wrong_is_finite():
    assert features.log_loss([0.5, 0.5], [True, False]) == pytest.approx(0.693147, abs=1e-6)
    assert features.log_loss([0.0], [True]) == pytest.approx(34.54, abs=0.01)
