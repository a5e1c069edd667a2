"""Tastes: what is said about the next turn adds up, forgets as it should, and survives being stored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.experiments.drift.tastes import PRIOR, TasteRecommender, Tastes

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
CATEGORIES = {f"{category}-{number}": category for category in ("bag", "mug", "rug") for number in range(5)}

turns = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.sampled_from(["bag", "mug", "rug"])), max_size=40)


def after(history: list[tuple[str, str]], tastes: Tastes) -> Tastes:
    for number, (user_id, category) in enumerate(history):
        tastes.observe(user_id, category, NOON + number * timedelta(hours=1))
    return tastes


@given(turns, st.sampled_from([None, DAY, 30 * DAY]))
def test_the_probabilities_of_what_is_known_and_of_all_else_add_up_to_one(history, half_life) -> None:
    tastes, at = after(history, Tastes(half_life)), NOON + 2 * DAY
    known = {category for _, category in history}
    together = sum(tastes.probability("ann", category, at) for category in (*known, "never seen"))
    assert together == pytest.approx(1.0)


def test_the_probability_is_the_formula_of_the_module() -> None:
    tastes = after([("ann", "bag"), ("ann", "mug"), ("bob", "mug")], Tastes())
    share = (1 + 1) / (3 + 2 + 1)
    assert tastes.probability("ann", "bag", NOON) == pytest.approx((1 + PRIOR * share) / (2 + PRIOR))


def test_items_of_the_same_category_in_a_row_are_one_turn_and_after_a_pause_another() -> None:
    once, twice = Tastes(), Tastes()
    for minutes in (0, 1, 2):
        once.observe("ann", "bag", NOON + timedelta(minutes=minutes))
    for minutes in (0, 31):
        twice.observe("ann", "bag", NOON + timedelta(minutes=minutes))
    assert once.state()["all"] == {"bag": 1.0}
    assert twice.state()["all"] == {"bag": 2.0}


def test_with_a_half_life_what_was_done_lately_says_more() -> None:
    history = [("ann", "bag")] * 3
    for tastes, right in ((Tastes(), "bag"), (Tastes(DAY), "mug")):
        after(history, tastes)
        for hour in (0, 2):
            tastes.observe("ann", "mug", NOON + 5 * DAY + timedelta(hours=hour))
        likely = max(("bag", "mug"), key=lambda category: tastes.probability("ann", category, NOON + 5 * DAY))
        assert likely == right


def test_a_memory_that_is_shortened_starts_from_what_it_knew_then() -> None:
    tastes = after([("ann", "bag"), ("ann", "mug"), ("ann", "bag")], Tastes())
    then = NOON + 3 * DAY
    before = tastes.probability("ann", "bag", then)
    tastes.shorten_memory(DAY, then)
    assert tastes.probability("ann", "bag", then) == pytest.approx(before)
    for hour in range(3):
        tastes.observe("ann", "rug", then + 4 * DAY + hour * timedelta(hours=1))
    assert tastes.probability("ann", "rug", then + 5 * DAY) > tastes.probability("ann", "bag", then + 5 * DAY)


@pytest.mark.parametrize("half_life", [None, DAY])
def test_a_restored_recommender_goes_on_as_if_never_interrupted(half_life: timedelta | None) -> None:
    one = TasteRecommender(CATEGORIES, half_life)
    items = sorted(CATEGORIES)

    def feed(model: TasteRecommender, start: int) -> None:
        for number in range(start, start + 60):
            item_id, hours = items[(7 * number) % len(items)], timedelta(hours=number)
            model.observe(f"user-{number % 4}", item_id, 0.2, NOON + hours)

    feed(one, 0)
    if half_life is not None:
        one.shorten_memory(half_life / 2, NOON + 3 * DAY)
    other = TasteRecommender(CATEGORIES)
    other.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(one.state())))
    for model in (one, other):
        feed(model, 60)
    answers = [model.recommend("user-1", 5, at=NOON + 6 * DAY, exclude={"bag-1"}) for model in (one, other)]
    assert answers[0] == answers[1]
    assert "bag-1" not in dict(answers[0])
    assert [score for _, score in answers[0]] == sorted((score for _, score in answers[0]), reverse=True)


def test_the_list_holds_what_is_popular_in_the_categories_of_the_user() -> None:
    model = TasteRecommender(CATEGORIES)
    for number in range(30):
        at = NOON + number * timedelta(hours=1)
        model.observe("ann", "mug-1" if number % 2 else "mug-2", 0.2, at)
        model.observe("bob", "bag-3", 0.2, at)
    assert {item_id for item_id, _ in model.recommend("ann", 2, at=NOON + 2 * DAY)} == {"mug-1", "mug-2"}
    assert model.recommend("bob", 1, at=NOON + 2 * DAY)[0][0] == "bag-3"
