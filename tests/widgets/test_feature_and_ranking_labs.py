"""The feature lab and the ranking lab: a control moves the picture and the sentence."""

from __future__ import annotations

import pytest

from recsys_lab import experiments, widgets
from recsys_lab.widgets.base import Bench
from tests.experiments.test_as_of import PURCHASES


@pytest.fixture
def features() -> Bench:
    return widgets.feature_lab(PURCHASES, "ann", "lamp", hours=12)


@pytest.fixture(scope="module")
def shop() -> experiments.LearnedShop:
    events = experiments.simulate(80, 120, 5, seed=3).events
    return experiments.learned_shop(events[events["interaction_type"] == "purchase"].reset_index(drop=True))


def test_the_leak_puts_the_answer_into_the_question(features: Bench) -> None:
    honest = features.sentence, features.picture.finding
    features.controls["leak"].value = True

    assert "none with this very item" in honest[0]
    assert "the answer stands in the question" in features.sentence
    assert "had not" in features.picture.finding
    assert features.picture.finding != honest[1]


def test_a_later_question_sees_more(features: Bench) -> None:
    features.controls["hours"].value = 13

    assert "1 with this very item" in features.sentence
    assert "the answer stands" not in features.sentence


def test_a_shorter_window_sees_less(features: Bench) -> None:
    whole_day = features.sentence
    features.controls["window_hours"].value = 6
    features.controls["hours"].value = 13

    assert "2 events" in whole_day
    assert "The features say: 2 events" in features.sentence
    features.controls["hours"].value = 17
    assert "The features say: 1 event" in features.sentence


def test_chance_and_situation_change_the_ranking(shop: experiments.LearnedShop) -> None:
    customers = sorted(shop.recent)[:2]
    lab = widgets.ranking_lab(shop, [*customers, "nobody"])
    shown = [lab.picture.finding]
    lab.controls["exploration"].value = 5
    shown.append(lab.picture.finding)
    lab.controls["exploration"].value = 0
    lab.controls["situation"].value = "mobile, in the evening"
    shown.append(lab.picture.finding)

    assert len(set(shown)) == 3


def test_a_stranger_gets_what_many_buy(shop: experiments.LearnedShop) -> None:
    lab = widgets.ranking_lab(shop, ["nobody"])

    assert lab.sentence.endswith("first: many buy it.")
    assert list(lab.controls["user_id"].options) == [("a stranger", "nobody")]
