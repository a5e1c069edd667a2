"""The distance of two distributions: against scipy's, values worked out by hand, and what makes it a distance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.monitoring.shares import jensen_shannon

NAMES = "abcdef"
counts = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 1_000), min_size=1).filter(
    lambda shares: sum(shares.values()) > 0
)


def vector(shares: dict[str, int]) -> np.ndarray:
    return np.array([shares.get(name, 0) for name in NAMES], dtype=float)


@given(counts, counts)
def test_it_is_what_scipy_computes(a: dict[str, int], b: dict[str, int]) -> None:
    theirs = jensenshannon(vector(a), vector(b), base=2)
    assert jensen_shannon(a, b) == pytest.approx(0.0 if math.isnan(theirs) else theirs, abs=1e-7)


def test_values_worked_out_by_hand() -> None:
    assert jensen_shannon({"a": 3}, {"a": 8}) == 0.0
    assert jensen_shannon({"a": 3}, {"b": 8}) == 1.0
    # the average is 3/4, 1/4: half of log2(4/3), and half of (log2(2/3) + log2 2) / 2
    right = (math.log2(4 / 3) + (math.log2(2 / 3) + 1) / 2) / 2
    assert jensen_shannon({"a": 1}, {"a": 1, "b": 1}) == pytest.approx(math.sqrt(right))


@given(counts, counts)
def test_it_is_the_same_both_ways_and_at_most_1(a: dict[str, int], b: dict[str, int]) -> None:
    assert 0.0 <= jensen_shannon(a, b) <= 1.0
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a), abs=1e-9)


@given(counts, counts, counts)
def test_a_detour_is_never_shorter(a: dict[str, int], b: dict[str, int], c: dict[str, int]) -> None:
    assert jensen_shannon(a, c) <= jensen_shannon(a, b) + jensen_shannon(b, c) + 1e-7


@given(counts, st.integers(2, 50))
def test_how_much_was_counted_does_not_matter(a: dict[str, int], times: int) -> None:
    assert jensen_shannon(a, {name: times * count for name, count in a.items()}) == pytest.approx(0.0, abs=1e-7)


@given(counts, counts)
def test_only_the_same_shares_have_no_distance(a: dict[str, int], b: dict[str, int]) -> None:
    difference = np.abs(vector(a) / vector(a).sum() - vector(b) / vector(b).sum()).max()
    assume(difference > 1e-3)
    assert jensen_shannon(a, b) > 1e-4


@pytest.mark.parametrize("empty", [{}, {"a": 0}])
def test_a_side_without_anything_is_refused(empty: dict[str, int]) -> None:
    with pytest.raises(InvalidEvent, match="one above 0"):
        jensen_shannon(empty, {"a": 1})
    with pytest.raises(InvalidEvent, match="one above 0"):
        jensen_shannon({"a": 1}, empty)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="from 0 up"):
        jensen_shannon({"a": 2, "b": -1}, {"a": 1})
