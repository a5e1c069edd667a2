"""A recommender that fails, or that does not keep to its protocol."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import LabError
from recsys_lab.recommend.popularity import Popularity
from tests.engine.shop import Engine, a_small_shop, items, responses, with_engine


class Failing(Popularity):
    """Popularity that fails when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = ""

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        if self.fails == "observe":
            raise RuntimeError("no memory left")
        super().observe(user_id, item_id, weight, at)

    def recommend(self, user_id: str, n: int, **options: Any) -> list[tuple[str, float]]:
        if self.fails == "recommend":
            raise RuntimeError("model not loaded")
        found = super().recommend(user_id, n, **options)
        return [(item_id, float("nan")) for item_id, _ in found] if self.fails == "nan" else found


def test_a_recommender_that_fails_to_learn_is_a_lab_error_and_the_engine_goes_on():
    async def work(engine: Engine) -> None:
        engine.recommender.fails = "observe"
        with pytest.raises(LabError, match="Failing failed: RuntimeError: no memory left") as failed:
            await engine.process_user_interaction("ann", "lamp", "click")
        assert isinstance(failed.value.__cause__, RuntimeError)
        assert (engine.user_profiles, engine.recent_interactions) == ({}, {})
        (letter,) = engine.event_streams["interactions"].dead_letters
        assert (letter.event.item_id, letter.subscription) == ("lamp", "engine")
        engine.recommender.fails = ""
        await engine.process_user_interaction("ann", "lamp", "click")
        assert items(await engine.get_recommendations("bob")) == ["lamp"]

    with_engine(work, recommender=Failing())


@pytest.mark.parametrize(("fails", "cause"), [("recommend", RuntimeError), ("nan", ValueError)])
def test_a_recommender_that_fails_to_answer_is_a_lab_error_and_nothing_is_cached(fails, cause):
    async def work(engine: Engine) -> None:
        await a_small_shop(engine)
        engine.recommender.fails = fails
        with pytest.raises(LabError, match="Failing failed") as failed:
            await engine.get_recommendations("ann")
        assert isinstance(failed.value.__cause__, cause)
        (response,) = responses(engine)
        assert response.recommendations == []
        assert str(failed.value.__cause__) in response.data["error"]
        assert engine.recommendation_cache.stats()["size"] == 0
        assert len(engine.event_streams["requests"].dead_letters) == 1
        with pytest.raises(LabError, match="Failing failed"):
            engine.explain("ann", "rug")
        engine.recommender.fails = ""
        assert set(items(await engine.get_recommendations("ann"))) == {"rug", "vase"}
        assert engine.processors["recommender"].get_metrics() == {
            "requests_processed": 2,
            "recommendations_generated": 2,
            "errors": 1,
        }

    with_engine(work, recommender=Failing())


class Careless(Popularity):
    """Repeats itself, and does not leave out what it was told to."""

    def recommend(self, user_id: str, n: int, **_: Any) -> list[tuple[str, float]]:
        return [("lamp", 1.0), ("desk", 0.9), ("desk", 0.8), ("mug", 0.7)][:n]


def test_not_even_a_careless_recommender_makes_the_engine_repeat_an_item_or_show_what_the_user_has() -> None:
    async def main() -> None:
        async with Engine(Careless(), clock=SimulatedClock(), exploration=0.0) as engine:
            await engine.process_user_interaction("ann", "lamp", "view")
            assert [shown.item_id for shown in await engine.get_recommendations("ann", 10)] == ["desk", "mug"]

    asyncio.run(main())
