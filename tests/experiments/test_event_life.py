"""The story of an event, as the real engine tells it."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab.experiments import event_life
from tests.shops import a_story, small_shop


@pytest.fixture(scope="module")
def story() -> pd.DataFrame:
    return a_story()


def what(story: pd.DataFrame, step: int) -> dict[str, str]:
    rows = story[story["step"] == step]
    return dict(zip(rows["lane"], rows["what"], strict=True))


def test_a_stranger_is_computed_a_list(story: pd.DataFrame) -> None:
    expected = {"requests": "asked", "cache": "miss", "recommender": "computes", "responses": "10 items"}
    assert what(story, 1) == expected


def test_an_interaction_is_learned_and_drops_the_cached_answer(story: pd.DataFrame) -> None:
    expected = {"interactions": "view", "recommender": "learns", "cache": "dropped", "profile": "grows"}
    assert what(story, 2) == expected


def test_the_same_question_again_is_answered_from_the_cache_and_nothing_is_computed(
    story: pd.DataFrame,
) -> None:
    assert what(story, 4) == {"requests": "asked", "cache": "hit", "responses": "10 items"}


def test_others_leave_my_cached_answer_alone_and_it_may_be_stale(story: pd.DataFrame) -> None:
    assert "cache" not in what(story, 5)
    assert what(story, 6)["cache"] in ("hit", "stale hit")


def test_an_update_of_an_item_on_the_list_drops_the_answer(story: pd.DataFrame) -> None:
    assert what(story, 9) == {"items": "update", "cache": "dropped"}


def test_after_five_minutes_the_answer_has_expired(story: pd.DataFrame) -> None:
    cache = story[(story["step"] == 11) & (story["lane"] == "cache")]
    assert cache["detail"].item().startswith("expired")


def test_the_story_is_the_same_every_time_it_is_told(story: pd.DataFrame) -> None:
    assert event_life(small_shop().head(600)).equals(story)
