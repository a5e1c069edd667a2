"""The latency sketch keeps every percentile within one percent, in bounded memory."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.latency import PERCENTILES, LatencySketch

seconds = st.floats(1e-7, 1e3)


def sketch_of(durations: list[float]) -> LatencySketch:
    sketch = LatencySketch()
    for duration in durations:
        sketch.add(duration)
    return sketch


@given(st.lists(seconds, min_size=1, max_size=200), st.sampled_from(list(PERCENTILES)))
def test_a_percentile_is_within_one_percent_of_a_duration_of_that_rank(durations, name):
    ordered, rank = sorted(durations), PERCENTILES[name] * (len(durations) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    value = sketch_of(durations).percentiles_ms()[name] / 1000
    assert 0.99 * low - 1e-12 <= value <= 1.01 * high + 1e-12


@given(st.lists(seconds, max_size=50), st.lists(seconds, max_size=50))
def test_two_sketches_merge_into_the_sketch_of_both(ours, theirs):
    merged, other = sketch_of(ours), sketch_of(theirs)
    merged.merge(other)
    both = sketch_of(ours + theirs)
    assert merged.count == len(ours) + len(theirs)
    assert other.count == len(theirs)
    assert merged.percentiles_ms() == pytest.approx(both.percentiles_ms(), nan_ok=True)


def test_with_no_duration_there_is_no_percentile():
    percentiles = LatencySketch().percentiles_ms()
    assert percentiles.pop("count") == 0
    assert set(percentiles) == set(PERCENTILES)
    assert all(math.isnan(value) for value in percentiles.values())


def test_percentiles_are_given_in_milliseconds():
    sketch = sketch_of([0.250] * 10)
    assert sketch.percentile_ms(0.5) == pytest.approx(250, rel=0.01)
    assert sketch.percentiles_ms()["count"] == 10


def test_a_duration_of_nothing_is_counted():
    sketch = sketch_of([0.0, 0.0, 1.0])
    assert sketch.count == 3
    assert sketch.percentile_ms(0.5) == 0.0


def test_the_slow_ones_show_where_the_mean_hides_them():
    durations = [0.001] * 990 + [1.0] * 10
    percentiles = sketch_of(durations).percentiles_ms()
    assert statistics.mean(durations) < 0.012
    assert percentiles["p50"] == pytest.approx(1, rel=0.01)
    assert percentiles["p99.9"] == pytest.approx(1000, rel=0.01)
