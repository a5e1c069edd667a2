"""The textbook's ranking: its score as the rule says, and its order as good as chance."""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest

from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.textbook import TextbookRanking, textbook_factors
from recsys_lab.recommend.user_neighbours import UserNeighbours
from tests.builders import a_click, a_purchase, a_view, an_interaction, clock_time

NOON = clock_time("12:00")


def crowd(model: TextbookRanking | UserNeighbours) -> TextbookRanking | UserNeighbours:
    """ann shares a lamp with five others, who have forty more items between them."""
    for number in range(5):
        for item in range(8):
            model.observe(f"user{number}", f"item{number * 8 + item:02d}", 1.0, NOON)
        model.observe(f"user{number}", "lamp", 1.0, NOON)
    model.observe("ann", "lamp", 0.2, NOON)
    return model


def test_the_score_is_the_rule_worked_out_by_hand() -> None:
    recent = [
        a_purchase("ann", "lamp", at=NOON - timedelta(hours=24)),
        an_interaction("ann", "desk", "wishlist", at="11:00"),
        a_click("ann", "mug", at="12:30"),  # later than now: age 0
    ]
    by_hand = (0.5 + 0.1 * math.exp(-1) + 0.03 * math.exp(-1 / 24) + 0.05) * 1.1 * 1.05 - 0.04

    factors = textbook_factors(recent, context={"device": "mobile", "time_of_day": "night"}, at=NOON, noise=-0.04)

    assert sum(effect for _, effect in factors) == pytest.approx(by_hand, abs=1e-9)
    assert [name for name, _ in factors] == [
        "base", "click on mug just now", "wishlist on desk 1 h ago", "purchase on lamp 24 h ago",
        "mobile device", "time of day: night", "exploration",
    ]  # fmt: skip


def test_a_lively_user_is_clamped_to_one() -> None:
    factors = textbook_factors([a_purchase("ann", "lamp", at=NOON)] * 20, context={}, at=NOON)

    assert sum(effect for _, effect in factors) == pytest.approx(1.0, abs=1e-9)
    assert factors[-1] == ("clamped to 0…1", -1.5)


def test_only_the_last_hundred_interactions_enter() -> None:
    old, recent = [a_purchase("ann", "old", at=NOON)], [a_view("ann", "lamp", at=NOON)] * 100

    assert textbook_factors(old + recent, context={}, at=NOON) == textbook_factors(recent, context={}, at=NOON)


def test_it_ranks_the_neighbours_items_and_then_popular_ones() -> None:
    ranked, neighbours = crowd(TextbookRanking()), crowd(UserNeighbours(fill_with_popular=True))
    ranked.observe("loner", "rare", 1.0, NOON)
    neighbours.observe("loner", "rare", 1.0, NOON)

    found = ranked.recommend("ann", 1_000, at=NOON)

    assert {item for item, _ in found[:41]} == {item for item, _ in neighbours.candidates("ann")}
    assert found[41:] == neighbours.recommend("ann", 1_000, at=NOON)[41:]
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert ranked.recommend("ann", 7, at=NOON) == found[:7]


def test_its_order_is_another_one_after_each_interaction_whatever_it_was_with() -> None:
    def order_after(item_id: str) -> list[str]:
        model = crowd(TextbookRanking(seed=3))
        model.observe("ann", item_id, 0.2, NOON)
        return [item for item, _ in model.recommend("ann", 41, at=NOON)]

    before = [item for item, _ in crowd(TextbookRanking(seed=3)).recommend("ann", 41, at=NOON)]

    assert order_after("lamp") == order_after("lamp") != before


def test_another_seed_gives_another_order_and_the_same_seed_the_same() -> None:
    def order(seed: int) -> list[tuple[str, float]]:
        return crowd(TextbookRanking(seed=seed)).recommend("ann", 41, at=NOON)

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_without_exploration_all_candidates_score_the_same() -> None:
    found = crowd(TextbookRanking(exploration=0.0)).recommend("ann", 41, at=NOON)

    assert {score for _, score in found} == {0.52}
    assert [item for item, _ in found] == sorted(item for item, _ in found)


def test_a_cold_user_gets_popular_items() -> None:
    assert crowd(TextbookRanking()).recommend("nobody", 1, at=NOON) == [("lamp", 0.1)]


def test_interrupted_and_restored_it_answers_as_if_nothing_had_happened() -> None:
    restored, uninterrupted = TextbookRanking(), crowd(TextbookRanking())
    restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(uninterrupted.state())))
    later = NOON + timedelta(hours=5, microseconds=1)
    for model in (restored, uninterrupted):
        model.observe("ann", "mug", 0.5, later)

    assert restored.recommend("ann", 50, at=later) == uninterrupted.recommend("ann", 50, at=later)
    assert restored.state() == uninterrupted.state()


def test_it_is_a_recommender() -> None:
    assert isinstance(TextbookRanking(), Recommender)
