"""ContextualRanker: factors that add up, an order that means something, exploration from a hash."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.recommend.ranking import ContextualRanker, Scored
from tests.builders import a_click, a_purchase, a_view, an_interaction, clock_time

NOON = clock_time("12:00")
ITEMS = ["lamp", "desk", "mug", "bulb", "chair"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
contexts = st.dictionaries(st.text(max_size=5), json_values, max_size=3) | st.fixed_dictionaries(
    {}, optional={"device": st.just("mobile") | json_values, "time_of_day": st.just("night") | json_values}
)
candidate_lists = st.dictionaries(st.sampled_from(ITEMS), st.floats(-10, 1e6), max_size=5).map(
    lambda scores: list(scores.items())
)
histories = st.lists(
    st.builds(
        an_interaction,
        st.just("ann"),
        st.sampled_from(ITEMS),
        st.sampled_from(["purchase", "rating", "click", "view", "wishlist"]),
        at=st.integers(-10, 2_000).map(lambda hours: NOON - timedelta(hours=hours)),
    ),
    max_size=14,
)
features = st.dictionaries(st.sampled_from(ITEMS), st.fixed_dictionaries({}, optional={"category": json_values}))


def unrelated(a: str, b: str) -> float:
    return 0.0


def related_by(degree: float) -> Callable[[str, str], float]:
    return lambda a, b: degree


def ranked(ranker: ContextualRanker, candidates: list[tuple[str, float]], **request: Any) -> list[Scored]:
    defaults: dict[str, Any] = {
        "user_id": "ann",
        "recent": [],
        "item_features": {},
        "context": {},
        "at": NOON,
        "interaction_count": 0,
    }
    return ranker.score(candidates, **(defaults | request))


def score_of(item_id: str, scored: list[Scored]) -> float:
    return next(candidate.score for candidate in scored if candidate.item_id == item_id)


def ids(scored: list[Scored]) -> list[str]:
    return [candidate.item_id for candidate in scored]


# -- the formula --------------------------------------------------------------------------------------


def test_the_score_is_the_formula_worked_out_by_hand() -> None:
    ceiling = 0.9 / (1.1 * 1.05)
    distance = ceiling - (0.1 + 0.4 * 0.25)  # found with a quarter of the best score
    distance *= 1 - 0.05 * math.exp(-1 / 24) * 0.1  # a click 1 h ago, on an item of the same category
    distance *= 1 - 0.1 * math.exp(-1) * 0.4  # a purchase 24 h ago, of an item that goes with it
    by_hand = (ceiling - distance) * 1.1 * 1.05

    scored = ranked(
        ContextualRanker(lambda a, b: {("lamp", "bulb"): 0.4}.get((a, b), 0.0), exploration=0.0),
        [("desk", 8.0), ("bulb", 2.0)],
        recent=[a_purchase("ann", "lamp", at=NOON - timedelta(hours=24)), a_click("ann", "mug", at="11:00")],
        item_features={"bulb": {"category": "light"}, "mug": {"category": ["kitchen", "light"]}},
        context={"device": "mobile", "time_of_day": "evening"},
    )

    assert score_of("bulb", scored) == pytest.approx(by_hand, abs=1e-9)
    assert [name for name, _ in scored[1].factors] == [
        "base",
        "retrieval: 25% of the best candidate's score",
        "click on mug 1 h ago, shared category light",
        "purchase on lamp 24 h ago",
        "mobile device",
        "time of day: evening",
    ]


def test_with_nothing_else_known_the_order_is_that_of_retrieval() -> None:
    candidates = [(f"item{number:03d}", 1.0 / number) for number in range(1, 200)]

    scored = ranked(ContextualRanker(unrelated, exploration=0.0), candidates)

    assert ids(scored) == [item_id for item_id, _ in candidates]
    assert scored[0].score == 0.5


def test_a_related_item_overtakes_an_unrelated_one_that_retrieval_liked_slightly_better() -> None:
    ranker = ContextualRanker(lambda a, b: 0.5 if {a, b} == {"lamp", "bulb"} else 0.0, exploration=0.0)
    candidates = [("desk", 1.0), ("bulb", 0.97)]

    assert ids(ranked(ranker, candidates)) == ["desk", "bulb"]
    assert ids(ranked(ranker, candidates, recent=[a_purchase("ann", "lamp", at="11:50")])) == ["bulb", "desk"]


def test_a_shared_category_counts_where_nothing_was_seen_together() -> None:
    scored = ranked(
        ContextualRanker(unrelated, exploration=0.0),
        [("bulb", 1.0), ("desk", 1.0), ("mug", 1.0)],
        recent=[a_click("ann", "lamp", at="11:50")],
        item_features={"lamp": {"category": ["home", "light"]}, "mug": {"category": "light"}, "desk": {}},
    )

    assert ids(scored) == ["mug", "bulb", "desk"]


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (a_purchase("ann", "lamp", at="12:00"), an_interaction("ann", "lamp", "rating", at="12:00")),
        (an_interaction("ann", "lamp", "rating", at="12:00"), a_click("ann", "lamp", at="12:00")),
        (a_click("ann", "lamp", at="12:00"), an_interaction("ann", "lamp", "wishlist", at="12:00")),
        (an_interaction("ann", "lamp", "wishlist", at="12:00"), a_view("ann", "lamp", at="12:00")),
        (a_view("ann", "lamp", at="11:00"), a_view("ann", "lamp", at="10:00")),
    ],
)
def test_what_weighs_more_or_is_fresher_adds_more(stronger: Any, weaker: Any) -> None:
    ranker = ContextualRanker(related_by(0.3), exploration=0.0)

    more = ranked(ranker, [("bulb", 1.0)], recent=[stronger])[0].score
    less = ranked(ranker, [("bulb", 1.0)], recent=[weaker])[0].score

    assert more > less > 0.5


def test_an_interaction_later_than_now_counts_as_of_now() -> None:
    ranker = ContextualRanker(related_by(0.3))

    later = ranked(ranker, [("bulb", 1.0)], recent=[a_click("ann", "lamp", at="18:00")])
    now = ranked(ranker, [("bulb", 1.0)], recent=[a_click("ann", "lamp", at="12:00")])

    assert later == now


def test_only_the_last_ten_interactions_enter() -> None:
    ranker = ContextualRanker(related_by(0.3))
    old, recent = [a_purchase("ann", "old", at="12:00")] * 5, [a_view("ann", "lamp", at="12:00")] * 10

    assert ranked(ranker, [("bulb", 1.0)], recent=old + recent) == ranked(ranker, [("bulb", 1.0)], recent=recent)


def test_context_values_that_mean_nothing_change_nothing() -> None:
    ranker = ContextualRanker(unrelated)
    strange = {"device": ["mobile"], "time_of_day": {"evening": 1}, "weather": float("nan"), "mobile": True}

    assert ranked(ranker, [("bulb", 1.0)], context=strange) == ranked(ranker, [("bulb", 1.0)])


# -- properties ---------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(candidate_lists, histories, features, contexts, st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_effects_add_up_to_the_score_and_scores_are_0_to_1_and_in_order(
    candidates: list[tuple[str, float]],
    recent: list[Any],
    item_features: dict[str, Any],
    context: dict[str, Any],
    degree: float,
    exploration: float,
    count: int,
) -> None:
    ranker = ContextualRanker(related_by(degree), exploration=exploration)
    request: dict[str, Any] = {
        "recent": recent, "item_features": item_features, "context": context, "interaction_count": count,
    }  # fmt: skip

    scored = ranked(ranker, candidates, **request)

    assert sorted(ids(scored)) == sorted(item_id for item_id, _ in candidates)
    assert scored == sorted(scored, key=lambda candidate: (-candidate.score, candidate.item_id))
    for candidate in scored:
        assert 0.0 <= candidate.score <= 1.0
        assert sum(effect for _, effect in candidate.factors) == pytest.approx(candidate.score, abs=1e-9)
    assert ranked(ranker, candidates, **request, n=2) == scored[:2]
    for candidate in scored:
        full_request = {"user_id": "ann", "at": NOON, **request}
        assert ranker.explain(candidate.item_id, candidates, **full_request) == list(candidate.factors)


@given(candidate_lists, histories, st.floats(0, 1), st.integers(0, 10**6))
def test_clamping_never_decides_an_order_while_exploration_is_at_most_a_tenth(
    candidates: list[tuple[str, float]], recent: list[Any], degree: float, count: int
) -> None:
    scored = ranked(
        ContextualRanker(related_by(degree)),
        candidates,
        recent=recent * 3,
        context={"device": "mobile", "time_of_day": "night"},
        interaction_count=count,
    )

    assert "clamped to 0…1" not in [name for candidate in scored for name, _ in candidate.factors]


def test_twenty_fresh_purchases_of_related_items_leave_the_best_distinguishable() -> None:
    candidates = [(f"item{number:02d}", 1.0 - number / 100) for number in range(50)]
    scored = ranked(
        ContextualRanker(related_by(1.0), exploration=0.0),
        candidates,
        recent=[a_purchase("ann", f"bought{number}", at="12:00") for number in range(20)],
        context={"device": "mobile", "time_of_day": "evening"},
    )

    assert ids(scored) == [item_id for item_id, _ in candidates]
    assert len({candidate.score for candidate in scored}) == 50


def test_scores_of_a_recommender_that_gives_negative_ones_keep_their_order() -> None:
    scored = ranked(ContextualRanker(unrelated, exploration=0.0), [("a", -3.0), ("b", -1.0), ("c", -2.0)])

    assert ids(scored) == ["b", "c", "a"]


def test_equals_stand_in_order_of_their_id() -> None:
    assert ids(ranked(ContextualRanker(unrelated, exploration=0.0), [("b", 0.0), ("a", 0.0)])) == ["a", "b"]


def test_no_candidates_give_no_scores() -> None:
    assert ranked(ContextualRanker(unrelated), []) == []


# -- exploration --------------------------------------------------------------------------------------


def exploration_of(item_id: str, *, seed: int = 0, user_id: str = "ann", count: int = 0) -> float:
    scored = ranked(ContextualRanker(unrelated, seed=seed), [(item_id, 1.0)], user_id=user_id, interaction_count=count)
    return scored[0].score - 0.5


def test_exploration_depends_on_seed_user_item_and_interaction_count() -> None:
    values = {
        exploration_of("lamp"),
        exploration_of("desk"),
        exploration_of("lamp", seed=1),
        exploration_of("lamp", user_id="bob"),
        exploration_of("lamp", count=1),
    }

    assert len(values) == 5


def test_exploration_depends_on_nothing_else() -> None:
    ranker = ContextualRanker(unrelated)
    alone = ranked(ranker, [("lamp", 1.0)])
    in_company = ranked(ranker, [("desk", 1.0), ("lamp", 1.0)], at=NOON + timedelta(days=9), context={"x": 1})

    assert score_of("lamp", alone) == score_of("lamp", in_company)


def test_exploration_is_the_same_on_every_machine() -> None:
    assert [round(exploration_of(item_id), 9) for item_id in ("lamp", "Büro", "\ud800")] == [
        -0.086720069,
        -0.005672893,
        -0.082785287,
    ]


def test_exploration_is_even_within_a_tenth() -> None:
    values = sorted(exploration_of("lamp", count=count) for count in range(2_000))

    assert -0.1 <= values[0] < -0.099
    assert 0.099 < values[-1] <= 0.1
    quarters = [values[500], values[1_000], values[1_500]]
    assert quarters == pytest.approx([-0.05, 0.0, 0.05], abs=0.01)


@pytest.mark.parametrize("exploration", [-0.1, 1.1, float("nan")])
def test_an_exploration_that_is_no_share_is_refused(exploration: float) -> None:
    with pytest.raises(InvalidEvent, match=r"^exploration is"):
        ContextualRanker(unrelated, exploration=exploration)


# -- words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(hours=-3), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=25), "25 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_ages_are_said_as_people_say_them(age: timedelta, words: str) -> None:
    scored = ranked(ContextualRanker(related_by(0.5)), [("bulb", 1.0)], recent=[a_click("ann", "lamp", at=NOON - age)])

    assert f"click on lamp {words}" in [name for name, _ in scored[0].factors]


def test_explaining_an_item_that_is_no_candidate_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"^item_id is 'sofa'"):
        ContextualRanker(unrelated).explain(
            "sofa", [("lamp", 1.0)], user_id="ann", recent=[], item_features={}, context={}, at=NOON,
            interaction_count=0,
        )  # fmt: skip
