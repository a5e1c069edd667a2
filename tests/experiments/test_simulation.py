"""The simulated shop: what it claims to know about its users is what they do.

Statistics are of fixed seeds, with bounds several standard errors wide: they fail when the model is
wrong, not when the dice are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments import AbruptDrift, GradualDrift, Interactions, NewItems, Season, simulate
from recsys_lab.interactions import COLUMNS

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MIDDLE = timedelta(days=10)
SIZE = {"users": 300, "items": 600, "days": 20, "seed": 11}


@pytest.fixture(scope="module")
def calm() -> Interactions:
    """A shop where nothing drifts."""
    return simulate(**SIZE)


@pytest.fixture(scope="module")
def shaken() -> Interactions:
    """The same shop; all tastes change in the middle."""
    return simulate(**SIZE, drift=(AbruptDrift(at=MIDDLE),))


def views_of(shop: Interactions) -> pd.DataFrame:
    return shop.events[shop.events["interaction_type"] == "view"]


def sought(views: pd.DataFrame) -> pd.Series:
    """The share of each category in what was looked at."""
    return views["category"].value_counts(normalize=True).sort_index()


def wanted(shop: Interactions, views: pd.DataFrame, at: datetime) -> pd.Series:
    """What the same users, each as often as in `views`, want at a time: from the truth."""
    visits = views["user_id"].value_counts(normalize=True)
    return sum(share * shop.truth.preferences(user, at) for user, share in visits.items()).sort_index()


def distance(a: pd.Series, b: pd.Series) -> float:
    """Total variation: the share that would have to move to make them equal."""
    return float((a - b).abs().sum() / 2)


# The table


def test_events_are_the_promised_table_in_time_order(calm: Interactions) -> None:
    events = calm.events
    assert tuple(events.columns) == COLUMNS
    assert not events.isna().any(axis=None)
    assert events["timestamp"].is_monotonic_increasing
    assert str(events["timestamp"].dt.tz) == "UTC"
    assert events["timestamp"].iloc[0] >= START
    assert events["timestamp"].iloc[-1] < START + timedelta(days=20)
    assert set(events["interaction_type"]) == {"view", "click", "purchase", "rating"}


def test_everyone_comes_and_each_item_has_one_category_and_name(calm: Interactions) -> None:
    assert set(calm.events["user_id"]) == set(calm.truth.user_ids)
    assert set(calm.events["item_id"]) <= set(calm.truth.item_ids)
    assert (calm.events.groupby("item_id")[["category", "description"]].nunique() == 1).all(axis=None)


def test_only_ratings_have_a_value_of_their_own_and_it_is_one_to_five_stars(calm: Interactions) -> None:
    rated = calm.events["interaction_type"] == "rating"
    assert set(calm.events.loc[rated, "interaction_value"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert set(calm.events.loc[~rated, "interaction_value"]) == {1.0}


def test_each_step_of_the_funnel_follows_the_step_before_in_its_session(calm: Interactions) -> None:
    before = {"click": "view", "purchase": "click", "rating": "purchase"}
    last: dict[tuple[str, str], str] = {}
    for row in calm.events.itertuples(index=False):
        place = (row.session_id, row.item_id)
        if row.interaction_type != "view":
            assert last.get(place) == before[row.interaction_type], row
        last[place] = row.interaction_type


def test_sessions_are_whole_and_apart(calm: Interactions) -> None:
    assert (calm.events.groupby("session_id")["user_id"].nunique() == 1).all()
    for _, mine in calm.events.groupby("user_id"):
        pause = mine["timestamp"].diff().iloc[1:]
        same = (mine["session_id"] == mine["session_id"].shift()).iloc[1:]
        assert (pause[same] < timedelta(minutes=30)).all()
        assert (pause[~same] > timedelta(minutes=30)).all()
        numbers = mine["session_id"].str.rsplit("-", n=1).str[1].astype(int)
        assert numbers.is_monotonic_increasing


def test_evenings_are_busier_than_nights(calm: Interactions) -> None:
    hours = views_of(calm)["timestamp"].dt.hour.value_counts()
    assert hours[20] > 5 * hours[3]


def test_what_comes_next_in_a_session_is_no_chance(calm: Interactions) -> None:
    views = views_of(calm)
    sessions = views.groupby("session_id")
    follows = sessions["category"].shift().notna()
    same_category = (views["category"] == sessions["category"].shift())[follows].mean()
    series = views["description"].str[:-1]  # "lamp 7a" and "lamp 7b" are of one series
    same_series = (series == series.groupby(views["session_id"]).shift())[follows].mean()
    assert same_category > 0.7
    assert same_series > 0.2
    assert (series == series.sample(frac=1, random_state=1).to_numpy()).mean() < 0.05


def test_some_items_are_far_more_popular_than_others(calm: Interactions) -> None:
    counts = views_of(calm)["item_id"].value_counts()
    assert counts.head(60).sum() > 0.3 * counts.sum()


# The truth


def test_preferences_and_likings_are_shares_and_probabilities(calm: Interactions) -> None:
    preferences = calm.truth.preferences("user-00001", START)
    assert set(preferences.index) == set(calm.truth.categories)
    assert preferences.sum() == pytest.approx(1.0)
    liking = calm.truth.liking("user-00001", START)
    assert tuple(liking.index) == calm.truth.item_ids
    assert liking.between(0.0, 1.0).all()


def test_the_top_is_the_best_of_the_liking_with_equals_by_id(calm: Interactions) -> None:
    liking = calm.truth.liking("user-00007", START + MIDDLE)
    expected = list(liking.sort_index().sort_values(ascending=False, kind="stable").index[:25])
    assert calm.truth.top("user-00007", START + MIDDLE, 25) == expected


def test_liking_is_how_often_a_view_becomes_a_click(calm: Interactions) -> None:
    events = calm.events.set_index(["session_id", "item_id"])
    clicked = set(events[events["interaction_type"] == "click"].index)
    once = views_of(calm).drop_duplicates(["session_id", "item_id"], keep=False)
    once = once[once["timestamp"] < START + timedelta(days=19)]  # a last click may fall after the end
    calm_liking = {user: calm.truth.liking(user, START) for user in calm.truth.user_ids}  # nothing drifts
    liking = np.array([calm_liking[row.user_id][row.item_id] for row in once.itertuples()])
    outcome = np.array([(row.session_id, row.item_id) in clicked for row in once.itertuples()])
    for low in np.arange(0.0, 1.0, 0.1):
        group = (liking >= low) & (liking < low + 0.1)
        error = np.sqrt(0.25 / group.sum())
        assert outcome[group].mean() == pytest.approx(liking[group].mean(), abs=4 * error)


def test_without_drift_what_is_sought_stays_as_the_truth_says(calm: Interactions) -> None:
    views = views_of(calm)
    late = views["timestamp"] >= START + MIDDLE
    for half in (views[~late], views[late]):
        assert distance(sought(half), wanted(calm, half, START)) < 0.05
    for user in calm.truth.user_ids[:20]:
        pd.testing.assert_series_equal(
            calm.truth.preferences(user, START), calm.truth.preferences(user, START + 2 * MIDDLE)
        )


def test_after_an_abrupt_drift_what_is_sought_follows_the_new_truth(shaken: Interactions) -> None:
    views = views_of(shaken)
    late = views["timestamp"] >= START + MIDDLE
    assert distance(sought(views[~late]), wanted(shaken, views[~late], START)) < 0.05
    assert distance(sought(views[late]), wanted(shaken, views[late], START + MIDDLE)) < 0.05
    assert distance(sought(views[late]), wanted(shaken, views[late], START)) > 0.15


def test_an_abrupt_drift_is_sharp(shaken: Interactions) -> None:
    instant = timedelta(microseconds=1)
    before, after = (shaken.truth.preferences("user-00003", START + MIDDLE - step) for step in (instant, 0 * instant))
    assert distance(before, after) > 0.1
    assert distance(before, shaken.truth.preferences("user-00003", START)) == 0.0
    assert distance(after, shaken.truth.preferences("user-00003", START + 2 * MIDDLE)) == 0.0


def test_until_a_drift_begins_the_world_is_the_same_as_without_it(calm: Interactions, shaken: Interactions) -> None:
    before = [shop.events[shop.events["timestamp"] < START + MIDDLE] for shop in (calm, shaken)]
    pd.testing.assert_frame_equal(*before)
    visits = [views_of(shop)[["user_id", "timestamp", "session_id"]].reset_index(drop=True) for shop in (calm, shaken)]
    pd.testing.assert_frame_equal(*visits)  # afterwards, the same people come at the same times


def test_a_gradual_drift_is_half_way_in_its_middle() -> None:
    drift = GradualDrift(start=timedelta(days=4), end=timedelta(days=12))
    truth = simulate(50, 120, 16, drift=(drift,), seed=3).truth
    first, middle, last = (truth.preferences("user-00002", START + timedelta(days=day)) for day in (4, 8, 12))
    assert distance(first, last) > 0.1
    assert distance(middle, (first + last) / 2) < 1e-8
    assert distance(first, truth.preferences("user-00002", START)) == 0.0
    assert distance(last, truth.preferences("user-00002", START + timedelta(days=16))) == 0.0


def test_a_season_comes_again_and_shows_in_what_is_sought() -> None:
    season = Season("toy", peak=timedelta(days=5), period=timedelta(days=10), strength=8.0)
    shop = simulate(**SIZE, drift=(season,))
    views = views_of(shop)
    day = views["timestamp"].dt.dayofyear - 1
    share = (views["category"] == "toy").groupby(day).mean()
    peaks, troughs = share[[4, 5, 14, 15]].mean(), share[[0, 9, 10, 19]].mean()
    assert peaks > 2 * troughs
    again = [shop.truth.preferences("user-00001", START + timedelta(days=days))["toy"] for days in (3, 13)]
    assert again[0] == pytest.approx(again[1])


def test_new_items_are_seen_never_before_their_time_and_often_after() -> None:
    shop = simulate(**SIZE, drift=(NewItems(at=MIDDLE, count=100), NewItems(at=MIDDLE * 1.5, count=50)))
    views = views_of(shop)
    number = views["item_id"].str.removeprefix("item-").astype(int)
    first, second = views[number.between(601, 700)], views[number > 700]
    assert first["timestamp"].min() >= START + MIDDLE
    assert second["timestamp"].min() >= START + MIDDLE * 1.5
    assert first["item_id"].nunique() > 50
    assert len(shop.truth.liking("user-00001", START)) == 600
    assert len(shop.truth.liking("user-00001", START + MIDDLE)) == 700
    assert len(shop.truth.liking("user-00001", START + 2 * MIDDLE)) == 750


def test_new_items_change_nothing_before_they_appear(calm: Interactions) -> None:
    shop = simulate(**SIZE, drift=(NewItems(at=MIDDLE, count=100),))
    before = [world.events[world.events["timestamp"] < START + MIDDLE] for world in (calm, shop)]
    pd.testing.assert_frame_equal(*before)


# Arrival


def test_arrivals_are_the_same_events_in_another_order(calm: Interactions) -> None:
    arrivals = calm.arrivals
    assert arrivals["arrived_at"].is_monotonic_increasing
    assert not arrivals["timestamp"].is_monotonic_increasing
    rows = [sorted(table[list(COLUMNS)].itertuples(index=False, name=None)) for table in (calm.events, arrivals)]
    assert rows[0] == rows[1]


def test_no_event_arrives_before_it_happened_or_later_than_the_stated_bound(calm: Interactions) -> None:
    delay = calm.arrivals["arrived_at"] - calm.arrivals["timestamp"]
    assert delay.min() >= timedelta(0)
    assert delay.max() <= calm.max_delay
    assert 0.07 < (delay > timedelta(seconds=30)).mean() < 0.13


def test_the_disorder_is_within_the_bound_that_a_watermark_needs(calm: Interactions) -> None:
    highest = calm.arrivals["timestamp"].cummax()
    assert (highest - calm.arrivals["timestamp"]).max() <= calm.max_delay


# The same again


_PRINT_A_DIGEST = """
import hashlib
from datetime import timedelta
from recsys_lab.experiments import AbruptDrift, NewItems, Season, simulate
day = timedelta(days=1)
drift = (AbruptDrift(2 * day), NewItems(3 * day, 9), Season("bag", 0 * day, 2 * day))
shop = simulate(40, 90, 6, drift=drift, seed=5)
parts = (shop.arrivals.to_csv(), shop.truth.liking("user-00009", shop.truth.start).to_csv())
print(hashlib.sha256("".join(parts).encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_bytes_in_every_process_and_release() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_A_DIGEST],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert digests == {"392ef3ad556352c830b9fd1f11998f0f54f6f74c9f679ed149eb06e806e72046\n"}


def test_another_seed_gives_another_world() -> None:
    assert not simulate(20, 40, 3, seed=1).events.equals(simulate(20, 40, 3, seed=2).events)


def drifts() -> st.SearchStrategy[tuple[object, ...]]:
    moments = st.integers(0, 3).map(lambda days: timedelta(days=days))
    kinds = [
        moments.map(AbruptDrift),
        moments.map(lambda at: GradualDrift(at / 2, at / 2 + timedelta(days=1))),
        st.builds(NewItems, moments, st.integers(1, 5)),
        st.builds(Season, st.just("bag"), moments, st.just(timedelta(days=2))),
    ]
    return st.lists(st.one_of(kinds), max_size=3).map(tuple)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 20), drifts(), st.integers(0, 99))
def test_worlds_of_any_size_hold_together(users: int, items: int, drift: tuple[object, ...], seed: int) -> None:
    shop = simulate(users, items, 3, drift=drift, seed=seed)
    assert shop.events["user_id"].nunique() == users
    assert tuple(shop.events.columns) == COLUMNS
    assert len(shop.arrivals) == len(shop.events)
    appears = dict(zip(shop.truth.item_ids, shop.truth.item_appears, strict=True))
    elapsed = (shop.events["timestamp"] - START) / timedelta(days=1)
    assert (shop.events["item_id"].map(appears) <= elapsed).all()


# What is refused


@pytest.mark.parametrize("name", ["users", "items", "days", "seed"])
@pytest.mark.parametrize("value", [-1, 1.5, "10", None, True])
def test_a_size_that_is_no_whole_number_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidEvent, match=f"^{name} is "):
        simulate(**{"users": 5, "items": 9, "days": 2, "seed": 0} | {name: value})


def bad_drifts() -> Iterator[tuple[object, str]]:
    yield AbruptDrift(MIDDLE), "drift is AbruptDrift.*a tuple"
    yield ("abrupt",), "drift is .*a tuple"
    yield [AbruptDrift(MIDDLE)], "drift is .*a tuple"
    yield (AbruptDrift(timedelta(days=21)),), "drift has .*beyond the 20 days"
    yield (GradualDrift(MIDDLE, timedelta(days=21)),), "drift has .*beyond the 20 days"
    yield (NewItems(timedelta(days=21), 5),), "drift has .*beyond the 20 days"
    yield (Season("cars", MIDDLE, MIDDLE),), "drift has .*'cars'.*one of bag, basket"


@pytest.mark.parametrize(("drift", "message"), list(bad_drifts()))
def test_a_drift_that_cannot_be_is_refused(drift: object, message: str) -> None:
    with pytest.raises(InvalidEvent, match=message):
        simulate(**SIZE, drift=drift)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: AbruptDrift(at=5), "AbruptDrift.at is 5"),
        (lambda: AbruptDrift(at=-MIDDLE), "AbruptDrift.at is"),
        (lambda: GradualDrift(start=MIDDLE, end=MIDDLE), "GradualDrift.end is"),
        (lambda: NewItems(at=MIDDLE, count=0), "NewItems.count is 0"),
        (lambda: Season("toy", MIDDLE, timedelta(0)), "Season.period is 0"),
        (lambda: Season("toy", MIDDLE, MIDDLE, strength=float("nan")), "Season.strength is nan"),
    ],
)
def test_a_drift_names_its_field_that_is_wrong(build: object, field: str) -> None:
    with pytest.raises(InvalidEvent, match=field):
        build()


def test_the_truth_refuses_whom_and_when_it_does_not_know(calm: Interactions) -> None:
    with pytest.raises(InvalidEvent, match=r"user_id is 'ann'.*user-00001 to user-00300"):
        calm.truth.preferences("ann", START)
    with pytest.raises(InvalidEvent, match=r"^at is .*aware"):
        calm.truth.liking("user-00001", datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidEvent, match=r"^n is 0"):
        calm.truth.top("user-00001", START, 0)
