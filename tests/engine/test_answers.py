"""Whom the engine recommends what, and why."""

from __future__ import annotations

from typing import Any

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.recommend.popularity import Popularity
from tests.engine.shop import MINUTE, Engine, a_small_shop, filled_user_neighbours, items, with_engine


@pytest.mark.parametrize("user_id", ["nobody", None])
def test_a_cold_or_unknown_user_gets_popular_items_best_first(user_id):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        assert items(await engine.get_recommendations(user_id)) == ["lamp", "desk", "rug", "vase"]

    with_engine(work, exploration=0.0)


def test_a_cold_user_gets_the_popular_items_of_a_large_catalogue():
    """The 50 candidates must not all look alike to the ranking."""

    async def work(engine: Engine) -> None:
        for number in range(60):
            for buyer in range(60 - number):
                await engine.process_user_interaction(f"buyer-{buyer}", f"item-{999 - number}", "purchase")
        assert items(await engine.get_recommendations("nobody", 5)) == [f"item-{999 - number}" for number in range(5)]

    with_engine(work, exploration=0.0)


def test_nothing_is_recommended_when_nothing_was_ever_seen():
    assert with_engine(lambda engine: engine.get_recommendations("ann", 1000)) == []


def test_a_recommendation_is_a_value_with_reasons_and_the_time_it_was_made():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        best = (await engine.get_recommendations("ann", 1))[0]
        assert 0.0 <= best.score <= 1.0
        assert best.reasons
        assert best.to_dict() == {
            "item_id": best.item_id,
            "score": best.score,
            "reasons": list(best.reasons),
            "timestamp": "2026-01-01T10:00:00+00:00",
        }

    with_engine(work)


def test_filters_leave_out_what_they_should():
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        await engine.update_item("rug", {"category": ["home", "soft"]})
        await engine.update_item("vase", {"category": "home"})

        async def asked(**filters: Any) -> set[str]:
            return set(items(await engine.get_recommendations("ann", filters=filters)))

        assert await asked() == {"rug", "vase"}
        assert await asked(category="home") == {"rug", "vase"}
        assert await asked(category=["soft", "new"]) == {"rug"}
        assert await asked(category="car") == set()
        assert await asked(exclude_items=["rug", "never seen"]) == {"vase"}
        assert await asked(include_seen=True) == {"lamp", "desk", "rug", "vase"}
        assert await asked(include_seen=True, exclude_items=["lamp"], category="soft") == {"rug"}

    with_engine(work)


def test_a_rare_category_is_found_however_deep_it_lies():
    async def work(engine: Engine) -> None:
        for number in range(1000):
            await engine.process_user_interaction("bob", f"item-{number:04}", "purchase")
        for rare in ("rare-1", "rare-2"):
            await engine.process_user_interaction("cid", rare, "view")
            await engine.update_item(rare, {"category": "rare"})
        assert set(items(await engine.get_recommendations("ann", filters={"category": "rare"}))) == {"rare-1", "rare-2"}

    with_engine(work, recommender=Popularity())


def test_a_thousand_can_be_asked_for():
    async def work(engine: Engine) -> None:
        for number in range(1100):
            await engine.process_user_interaction("bob", f"item-{number:04}", "view")
        assert len(set(items(await engine.get_recommendations("ann", 1000)))) == 1000

    with_engine(work, recommender=Popularity())


@pytest.mark.parametrize("make", [None, filled_user_neighbours, Popularity])
@pytest.mark.parametrize("user_id", ["ann", "nobody", None])
@pytest.mark.parametrize("context", [{}, {"device": "mobile", "time_of_day": "evening"}])
def test_the_effects_of_an_explanation_add_up_to_the_score_that_was_given(make, user_id, context):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        for number in range(60):  # more than the candidates of one request
            await engine.process_user_interaction(f"user-{number % 7}", f"item-{number:03}", "click")
            engine.clock.advance(MINUTE)
        await engine.update_item("item-003", {"category": "home"})
        await engine.update_item("desk", {"category": "home"})
        for filters in ({}, {"include_seen": True}):
            given = await engine.get_recommendations(user_id, 200, context, filters=filters)
            assert len(given) == (62 if user_id == "ann" and not filters else 64)
            for recommendation in given[::6] if not filters else given:
                if filters and recommendation.item_id not in engine.user_profiles.get("ann", given).items:
                    continue
                effects = engine.explain(user_id, recommendation.item_id, context)
                assert sum(effect for _, effect in effects) == pytest.approx(recommendation.score, abs=1e-9)

    with_engine(work, recommender=make() if make else None)


@pytest.mark.parametrize(
    ("item_id", "context", "says"),
    [("never", {}, "item_id is 'never'"), ("lamp", "mobile", "request_context is 'mobile'")],
)
def test_what_cannot_be_explained_is_refused(item_id, context, says):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        with pytest.raises(InvalidEvent) as refused:
            engine.explain("ann", item_id, context)
        assert str(refused.value).startswith(says)

    with_engine(work)
