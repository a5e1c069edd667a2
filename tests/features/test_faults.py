"""The faults do what they are there to show, and no more."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from recsys_lab.features import Count, FeatureStore, Lookup, faults
from tests.builders import a_click

DAY = timedelta(days=1)


def at(hour: int, day: int = 1) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=timezone.utc)


def test_features_as_of_the_end_of_the_day_hold_the_outcome_they_should_predict():
    clicks = [a_click("ann", "lamp", at=at(10)), a_click("ann", "lamp", at=at(15))]
    lookups = [Lookup("ann", "lamp", click.timestamp) for click in clicks]
    store = FeatureStore([Count("user_item", DAY)])
    assert store.training_table(clicks, lookups).user_item_events_1d.tolist() == [0.0, 1.0]
    leaky = faults.leaky_training_table(store, clicks, lookups, read_at=faults.end_of_day)
    assert leaky.user_item_events_1d.tolist() == [2.0, 2.0]


def test_the_end_of_a_day_is_the_midnight_after_it_and_midnight_belongs_to_the_new_day():
    assert faults.end_of_day(at(10)) == at(0, day=2)
    assert faults.end_of_day(at(0)) == at(0, day=2)


def test_counting_since_midnight_keeps_the_name_and_forgets_yesterday_evening():
    honest = Count("user", DAY)
    skewed = faults.counting_since_midnight(honest)
    assert skewed.name == honest.name
    store, honest_store = FeatureStore([skewed]), FeatureStore([honest])
    for click in (a_click("ann", "lamp", at=at(23)), a_click("ann", "lamp", at=at(1, day=2))):
        store.update(click)
        honest_store.update(click)
    assert store.vector("ann", "lamp", at(2, day=2)) == {"user_events_1d": 1.0}
    assert honest_store.vector("ann", "lamp", at(2, day=2)) == {"user_events_1d": 2.0}


def test_other_features_stay_as_they_are():
    hourly = Count("user", timedelta(hours=1))
    assert faults.counting_since_midnight(hourly) is hourly


def test_a_service_without_categories_loses_nothing_else():
    click = a_click("ann", "lamp", data={"category": "home", "shelf": 3}, context={"category": "home"})
    poorer = faults.without_category(click)
    assert (poorer.data, poorer.context) == ({"shelf": 3}, {})
    assert (poorer.event_id, poorer.item_id) == (click.event_id, "lamp")


def test_a_local_clock_is_off_by_its_zone():
    assert faults.on_local_clock(timedelta(hours=-5))(at(10)) == at(5)
