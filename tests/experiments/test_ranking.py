"""Two rankings of the same candidates: parts that add up, and an order that is chance in one of them."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.experiments.ranking import GROUPS, LearnedShop


@pytest.fixture(scope="module")
def shop() -> LearnedShop:
    events = experiments.simulate(80, 120, 5, seed=3).events
    return experiments.learned_shop(events[events["interaction_type"] == "purchase"].reset_index(drop=True))


@pytest.fixture(scope="module")
def customer(shop: LearnedShop) -> str:
    return max(shop.recent, key=lambda user_id: (shop.recent[user_id][-1].timestamp, user_id))


def test_the_effects_of_every_item_add_up_to_its_score(shop: LearnedShop, customer: str) -> None:
    table = experiments.ranking(shop, customer, context={"device": "mobile", "time_of_day": "evening"})

    sums = table.groupby(["rule", "place"]).agg(effects=("effect", "sum"), score=("score", "first"))
    assert (sums["effects"] - sums["score"]).abs().max() < 1e-8
    assert set(table["group"]) <= set(GROUPS)


@pytest.mark.parametrize("context", [{}, {"device": "mobile", "time_of_day": "night"}])
def test_without_chance_the_textbook_gives_every_candidate_the_same_score(
    shop: LearnedShop, customer: str, context: dict[str, str]
) -> None:
    table = experiments.ranking(shop, customer, context=context, exploration=0.0, n=50)

    scores = table.groupby(["rule", "place"])["score"].first()
    assert scores["textbook"].nunique() == 1
    assert scores["ours"].nunique() > 5


def test_both_rules_rank_the_same_candidates_and_none_that_the_customer_has(shop: LearnedShop, customer: str) -> None:
    table = experiments.ranking(shop, customer, n=50)

    of_rule = table.groupby("rule")["item_id"].agg(frozenset)
    assert of_rule["textbook"] == of_rule["ours"]
    assert not of_rule["ours"] & {event.item_id for event in shop.recent[customer]}


def test_factors_speak_of_items_by_name(shop: LearnedShop, customer: str) -> None:
    table = experiments.ranking(shop, customer)

    bought = shop.names[shop.recent[customer][-1].item_id]
    of_interactions = table.loc[table["group"] == "recent interactions", "factor"]
    assert of_interactions.str.startswith(f"purchase on {bought} ").any()


def test_another_seed_changes_the_textbooks_list_and_leaves_most_of_ours(shop: LearnedShop, customer: str) -> None:
    staying = experiments.staying(experiments.reseeded(shop, customer, seeds=range(12), exploration=0.02))

    assert staying["textbook"] < 5 < staying["ours"]


def test_without_chance_a_seed_changes_nothing(shop: LearnedShop, customer: str) -> None:
    staying = experiments.staying(experiments.reseeded(shop, customer, seeds=range(3), exploration=0.0))

    assert list(staying) == [10, 10]


def test_a_customer_is_described_by_what_is_known(shop: LearnedShop, customer: str) -> None:
    assert shop.describe(customer).startswith(f"{customer}: {len(shop.recent[customer])} purchase")
    assert shop.describe("nobody") == "a stranger"


def test_the_same_request_is_ranked_the_same(shop: LearnedShop, customer: str) -> None:
    pd.testing.assert_frame_equal(experiments.ranking(shop, customer), experiments.ranking(shop, customer))
