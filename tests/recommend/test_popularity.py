"""Popularity against a plain count, with and without a half-life, and across an interruption."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.recommend import popularity
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.decay import power_of_two
from recsys_lab.recommend.popularity import Popularity
from tests.builders import clock_time

NOON = clock_time("12:00")
DAY = timedelta(days=1)

Log = list[tuple[str, float, int]]  # item, weight, hours after noon
logs = st.lists(
    st.tuples(
        st.sampled_from([f"i{number}" for number in range(9)]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        st.integers(0, 400),
    ),
    max_size=60,
)


def learned(log: Log, half_life: timedelta | None = None) -> Popularity:
    model = Popularity(half_life)
    for item_id, weight, hour in log:
        model.observe("ann", item_id, weight, later(hour))
    return model


def later(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def brute_force(log: Log, n: int, excluded: set[str]) -> list[tuple[str, float]]:
    totals: dict[str, float] = {}
    for item_id, weight, _ in log:
        totals[item_id] = totals.get(item_id, 0.0) + weight
    allowed = [(item_id, total) for item_id, total in totals.items() if item_id not in excluded]
    return sorted(allowed, key=lambda pair: (-pair[1], pair[0]))[:n]


def test_it_is_a_recommender() -> None:
    assert isinstance(Popularity(), Recommender)


@given(logs, st.integers(-1, 12), st.sets(st.sampled_from(["i0", "i3", "i5"])))
def test_it_equals_a_plain_count(log: Log, n: int, excluded: set[str]) -> None:
    answer = learned(log).recommend("bob", n, at=NOON, exclude=excluded)
    assert answer == brute_force(log, max(n, 0), excluded)


@given(logs, st.integers(0, 12))
def test_items_beyond_the_head_are_found_by_a_full_sort(log: Log, n: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(popularity, "HEAD", 3)
        assert learned(log).recommend("bob", n, at=NOON) == brute_force(log, n, set())


@given(logs, st.sampled_from([1, 24, 200]))
def test_an_interaction_counts_half_after_each_half_life(log: Log, hours: int) -> None:
    log = sorted(log, key=lambda event: event[2])
    expected: dict[str, float] = {}
    for item_id, weight, hour in log:
        expected[item_id] = expected.get(item_id, 0.0) + weight * 0.5 ** ((400 - hour) / hours)
    found = dict(learned(log, timedelta(hours=hours)).recommend("bob", 20, at=later(400)))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-60)


@given(logs, logs, st.sampled_from([None, timedelta(hours=1), DAY]))
def test_an_interruption_changes_nothing(before: Log, after: Log, half_life: timedelta | None) -> None:
    stopped = Popularity(half_life)
    stopped.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(learned(before, half_life).state())))
    for item_id, weight, hour in after:
        stopped.observe("ann", item_id, weight, later(hour))
    unstopped = learned(before + after, half_life)
    assert stopped.recommend("bob", 20, at=later(1)) == unstopped.recommend("bob", 20, at=later(1))
    assert stopped.state() == unstopped.state()


def test_last_months_favourite_falls_behind_todays() -> None:
    log = [("scarf", 1.0, 0)] * 5 + [("swimsuit", 1.0, 30 * 24)] * 2
    assert [item for item, _ in learned(log).recommend("bob", 2, at=later(720))] == ["scarf", "swimsuit"]
    assert [item for item, _ in learned(log, 7 * DAY).recommend("bob", 2, at=later(720))] == ["swimsuit", "scarf"]


def test_a_thousand_half_lives_of_silence_neither_overflow_nor_stop_the_learning() -> None:
    model = learned([("scarf", 1.0, 0), ("hat", 1.0, 0)], timedelta(hours=1))
    assert model.recommend("bob", 2, at=later(5_000)) == [("hat", pytest.approx(0)), ("scarf", pytest.approx(0))]
    model.observe("ann", "swimsuit", 1.0, later(5_000))
    assert model.recommend("bob", 1, at=later(5_000)) == [("swimsuit", 1.0)]


def test_shares_add_up_to_one() -> None:
    model = learned([("scarf", 1.0, 0), ("hat", 1.0, 0), ("hat", 1.0, 3)])
    assert (model.share("hat"), model.share("scarf"), model.share("boot")) == (2 / 3, 1 / 3, 0.0)
    assert model.total(later(3)) == 3.0


@pytest.mark.parametrize("half_life", [timedelta(0), -DAY, 7])
def test_a_half_life_that_is_no_positive_duration_is_refused(half_life: object) -> None:
    with pytest.raises(InvalidEvent, match="half_life is"):
        Popularity(half_life)  # type: ignore[arg-type]


@given(st.floats(-1_000, 1_000))
def test_powers_of_two_are_those_of_the_mathematicians(x: float) -> None:
    assert power_of_two(x) == pytest.approx(2.0**x, rel=1e-14)
