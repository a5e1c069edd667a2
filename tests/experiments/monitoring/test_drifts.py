"""The watch over a running shop: what it says of each stretch, against a count of the same stretch."""

from __future__ import annotations

import math

import pytest

from recsys_lab.experiments.monitoring.drifts import LISTS_KEPT, DriftWatch
from recsys_lab.experiments.monitoring.lists import jaccard, rbo
from recsys_lab.experiments.monitoring.shares import jensen_shannon

CATEGORIES = {"lamp": "light", "candle": "light", "mug": "kitchen", "bowl": "kitchen"}


def test_a_list_is_compared_with_the_one_before_of_the_same_user() -> None:
    watch = DriftWatch(CATEGORIES)
    for user_id, items in (("ann", ["lamp", "mug"]), ("bob", ["bowl"]), ("ann", ["mug", "lamp"]), ("bob", ["bowl"])):
        watch.shown(user_id, items)

    figures = watch.stretch()
    assert figures.rbo == pytest.approx((rbo(["lamp", "mug"], ["mug", "lamp"]) + 1) / 2)
    assert figures.jaccard == pytest.approx((jaccard(["lamp", "mug"], ["mug", "lamp"]) + 1) / 2)


def test_the_list_before_may_lie_in_an_earlier_stretch() -> None:
    watch = DriftWatch(CATEGORIES)
    watch.shown("ann", ["lamp"])
    assert math.isnan(watch.stretch().rbo)
    watch.shown("ann", ["mug"])
    assert watch.stretch().rbo == 0.0


def test_a_stretch_is_compared_with_all_before_it() -> None:
    watch = DriftWatch(CATEGORIES)
    for batch in (["lamp", "mug"], ["lamp"], ["bowl", "mug", "mug"]):
        watch.taken(batch)
        watch.shown("ann", batch[:1])
        figures = watch.stretch()

    assert figures.input_drift == pytest.approx(jensen_shannon({"kitchen": 3}, {"light": 2, "kitchen": 1}))
    assert figures.shown_drift == pytest.approx(jensen_shannon({"kitchen": 1}, {"light": 2}))
    assert (figures.rising, figures.rise) == ("kitchen", pytest.approx(1 - 1 / 3))


def test_misses_that_become_frequent_ring_and_hits_that_do_so_do_not() -> None:
    worse, better = DriftWatch(CATEGORIES), DriftWatch(CATEGORIES)
    for number in range(2_000):
        worse.answered(hit=number < 1_000)
        better.answered(hit=number >= 1_000)
    assert worse.stretch().error_alarms == 1
    assert better.stretch().error_alarms == 0


def test_an_input_that_moves_away_rings() -> None:
    watch = DriftWatch(CATEGORIES)
    for number in range(1_000):
        watch.taken(["lamp", "mug"] if number < 500 else ["mug", "bowl"])
        if number == 100:
            watch.stretch()  # what later batches are compared with
    assert watch.stretch().input_alarms == 1


def test_an_item_without_a_category_is_counted_as_unknown() -> None:
    watch = DriftWatch({})
    watch.taken(["vase"])
    watch.stretch()
    watch.taken(["vase"])
    assert watch.stretch().input_drift == 0.0


def test_no_more_lists_are_kept_than_said() -> None:
    watch = DriftWatch({})
    for number in range(LISTS_KEPT + 50):
        watch.shown(f"user-{number}", ["vase"])
    assert len(watch._lists) == LISTS_KEPT
