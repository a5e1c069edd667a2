"""Overlap of lists: against a slow definition by prefixes, values worked out by hand, and what must hold for all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.monitoring.lists import jaccard, rbo

ITEMS = [f"item-{number}" for number in range(12)]
lists = st.lists(st.sampled_from(ITEMS), unique=True, max_size=12)
persistence = st.floats(0.05, 0.97)


def agreement(a: Sequence[str], b: Sequence[str], depth: int) -> float:
    """The share in common of the first `depth` places, where each list goes on with what is unknown.

    Beyond the end of the short list it is thought to go on as well as it ended, beyond both ends so is what was
    common by then; that is the assumption behind RBO_ext.
    """
    short, long = sorted((a, b), key=len)
    s, end = len(short), len(long)
    if depth <= s:
        return len(set(short[:depth]) & set(long[:depth])) / depth
    ended = len(set(short) & set(long[:s])) / s
    seen = len(set(short) & set(long[: min(depth, end)]))
    if depth <= end:
        return (seen + ended * (depth - s)) / depth
    return (seen + ended * (end - s)) / end


def rbo_by_definition(a: Sequence[str], b: Sequence[str], p: float) -> float:
    """(1 − p) × Σ p^(d − 1) × agreement at d, over so many depths that what is left out is nothing."""
    if not a or not b:
        return 0.0
    return (1 - p) * sum(p ** (depth - 1) * agreement(a, b, depth) for depth in range(1, 1_500))


@given(lists, lists, persistence)
def test_it_is_the_sum_over_all_depths_of_the_definition(a: list[str], b: list[str], p: float) -> None:
    assert rbo(a, b, p) == pytest.approx(rbo_by_definition(a, b, p), abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "right"),
    [
        ("ab", "ab", 1.0),
        ("ab", "cd", 0.0),
        ("ab", "ba", 0.5),  # half of it is depth 1, where they have nothing in common; from depth 2 on all
        ("abc", "abd", 0.5 + 0.25 + 0.25 * 2 / 3),  # 1, 1, and 2/3 for ever, with weights 1/2, 1/4, 1/4
        ("a", "ab", 1.0),  # the short list is thought to go on as it ended
        ("", "ab", 0.0),
        ("", "", 0.0),
    ],
)
def test_values_worked_out_by_hand_for_p_of_one_half(a: str, b: str, right: float) -> None:
    assert rbo(a, b, 0.5) == pytest.approx(right)


def test_the_first_ten_places_carry_the_86_percent_that_the_paper_says() -> None:
    def weight_of_the_first_ten(p: float) -> float:
        """What the sum loses when the ten places stop agreeing: equation 21 of the paper for d = 10."""
        below = sum(p ** (depth - 1) * min(1.0, 10 / depth) for depth in range(1, 5_000)) * (1 - p)
        return float(below)

    shared = [f"same-{number}" for number in range(10)]
    a = shared + [f"a-{number}" for number in range(400)]
    b = shared + [f"b-{number}" for number in range(400)]
    assert rbo(a, b) == pytest.approx(weight_of_the_first_ten(0.9), abs=1e-6)
    in_places = (1 - 0.9) * sum(0.9 ** (depth - 1) for depth in range(1, 11))
    assert in_places == pytest.approx(0.6513, abs=1e-4)  # by depth alone; each place also counts in all depths below it
    assert rbo(a, b) > 0.85


@given(lists, lists, persistence)
def test_it_lies_between_none_and_all_and_is_the_same_both_ways(a: list[str], b: list[str], p: float) -> None:
    assert 0.0 <= rbo(a, b, p) <= 1.0
    assert rbo(a, b, p) == pytest.approx(rbo(b, a, p), abs=1e-12)


@given(lists.filter(bool), persistence)
def test_a_list_is_all_like_itself(a: list[str], p: float) -> None:
    assert rbo(a, a, p) == pytest.approx(1.0)


@given(st.permutations(ITEMS[:6]), st.integers(0, 4))
def test_a_difference_counts_more_the_higher_it_stands(items: list[str], place: int) -> None:
    def with_other_at(position: int) -> list[str]:
        return [*items[:position], "other", *items[position + 1 :]]

    assert rbo(items, with_other_at(place)) < rbo(items, with_other_at(place + 1))


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, float("nan")])
def test_a_persistence_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(InvalidEvent, match="above 0 and below 1"):
        rbo("ab", "ab", p)


def test_a_list_that_names_an_item_twice_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="twice"):
        rbo(["lamp", "lamp"], ["lamp", "mug"])


def test_jaccard_counts_common_items_wherever_they_stand() -> None:
    assert jaccard("abc", "cba") == 1.0
    assert jaccard("ab", "bc") == pytest.approx(1 / 3)
    assert jaccard("ab", "cd") == 0.0
    assert jaccard("", "") == 0.0
