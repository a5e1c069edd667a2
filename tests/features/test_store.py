"""The store against the log: whatever the order of arrival, a vector is what the past alone gives."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lab import profiles
from recsys_lab.errors import InvalidEvent, LabError
from recsys_lab.events import ItemUpdateEvent, UserInteractionEvent
from recsys_lab.features import DEFAULT_FEATURES, Count, DecayedRate, FeatureStore, Lookup, Recency, Sum
from tests.features.oracle import brute_force

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIXED = (
    Count("user", 2 * HOUR, "click"),
    Count("item", timedelta(minutes=90)),
    Count("user_category", 5 * HOUR),
    Sum("category", 3 * HOUR, "purchase"),
    Sum("user_item", 10 * HOUR),
    DecayedRate("user", timedelta(minutes=30)),
    DecayedRate("item", 4 * HOUR, "view"),
    DecayedRate("category", timedelta(minutes=7)),
    Recency("user_item", 6 * HOUR),
    Recency("category", 3 * HOUR, "click"),
)


def an_event(user="ann", item="lamp", after=timedelta(0), kind="click", value=1.0, category=None):
    return UserInteractionEvent(
        event_id=f"{user}-{item}-{after}",
        timestamp=START + after,
        user_id=user,
        item_id=item,
        interaction_type=kind,
        interaction_value=value,
        data={} if category is None else {"category": category},
    )


def a_store(*definitions, events=(), **options):
    store = FeatureStore(definitions, **options)
    for event in events:
        store.update(event)
    return store


events = st.builds(
    an_event,
    user=st.sampled_from(["ann", "bob"]),
    item=st.sampled_from(["lamp", "sofa", "rug"]),
    after=st.integers(0, 3 * 24 * 12).map(lambda fives: timedelta(minutes=5 * fives)),
    kind=st.sampled_from(["view", "click", "purchase"]),
    value=st.floats(-1e6, 1e6),
    category=st.sampled_from([None, "home", "garden"]),
)
retentions = st.sampled_from([timedelta(0), 8 * HOUR, 30 * DAY])
catalogues = st.sampled_from([{}, {"rug": {"category": "floor"}}])
pauses = st.integers(-24, 48).map(lambda halves: timedelta(minutes=30 * halves))


# -- point in time -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(events, max_size=25), pauses, retentions, catalogues)
def test_a_vector_equals_brute_force_over_the_log_for_any_order_of_arrival(log, pause, retention, item_features):
    store = FeatureStore(MIXED, item_features=item_features, retention=retention)
    latest, accepted = START, []
    for event in log:
        store.update(event)
        latest = max(latest, event.timestamp) if accepted else event.timestamp
        if event.timestamp >= latest - retention:
            accepted.append(event)
        as_of = max(latest + pause, latest - retention)
        expected = brute_force(MIXED, accepted, item_features, "ann", "rug", as_of)
        assert store.vector("ann", "rug", as_of) == pytest.approx(expected, rel=1e-12, abs=1e-8)
    assert store.too_late == len(log) - len(accepted)


def test_what_was_freed_from_memory_still_counts_in_rates_and_sums_read_as_of_the_oldest_time():
    log = [an_event(after=n * timedelta(minutes=10), value=n / 7) for n in range(300)]
    definitions = (DecayedRate("user", 3 * HOUR), Sum("user", HOUR), Recency("user", DAY))
    store = a_store(*definitions, events=log, retention=timedelta(minutes=55))
    expected = brute_force(definitions, log, {}, "ann", "lamp", store.oldest_as_of)
    assert store.size < 30
    assert store.vector("ann", "lamp", store.oldest_as_of) == pytest.approx(expected, abs=1e-9)


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False))
def test_the_order_of_arrival_leaves_no_trace_not_even_in_the_last_bit(log, random):
    shuffled = random.sample(log, len(log))
    one, other = a_store(*MIXED, events=log), a_store(*MIXED, events=shuffled)
    for hours in range(0, 80, 7):
        as_of = START + hours * HOUR
        assert one.vector("ann", "lamp", as_of) == other.vector("ann", "lamp", as_of)


def test_an_event_does_not_see_itself_nor_others_of_the_same_minute():
    log = [an_event(item=item) for item in ("lamp", "sofa", "rug")]
    assert a_store(Count("user", HOUR), events=log).vector("ann", "rug", START) == {"user_events_1h": 0.0}


def test_a_window_includes_its_start_and_not_its_end():
    store = a_store(Count("user", HOUR), events=[an_event()])
    counted = [store.vector("ann", "lamp", START + n * timedelta(minutes=30))["user_events_1h"] for n in range(4)]
    assert counted == [0.0, 1.0, 1.0, 0.0]


def test_an_items_category_is_unknown_before_an_event_has_told_it():
    store = a_store(Count("category", DAY), events=[an_event(category="home"), an_event("bob", after=2 * HOUR)])
    assert store.vector("ann", "lamp", START) == {"category_events_1d": 0.0}
    assert store.vector("ann", "lamp", START + HOUR) == {"category_events_1d": 1.0}


def test_a_move_to_another_category_is_not_seen_at_its_own_instant():
    log = [
        an_event("ann", "lamp", category="home"),
        an_event("bob", "lamp", after=HOUR, category="garden"),
    ]
    store = a_store(Count("user_category", DAY), events=log)
    at_the_move, after_it = START + HOUR, START + 2 * HOUR
    assert store.vector("ann", "lamp", at_the_move) == {"user_category_events_1d": 1.0}
    assert store.vector("ann", "lamp", after_it) == {"user_category_events_1d": 0.0}


def test_the_store_and_the_profile_read_the_same_category_from_an_event():
    event = UserInteractionEvent(
        event_id="1",
        timestamp=START,
        user_id="ann",
        item_id="lamp",
        interaction_type="click",
        data={"category": None},
        context={"category": "home"},
    )
    store = a_store(Count("category", DAY), events=[event])
    assert set(profiles.update(profiles.new("ann"), event).preferred_categories) == {"home"}
    assert store.vector("bob", "lamp", START + HOUR) == {"category_events_1d": 1.0}


def test_the_catalogues_category_goes_before_the_events_and_the_first_of_several_counts():
    features = {"lamp": {"category": ["light", "home"]}}
    store = a_store(Count("category", DAY), events=[an_event(category="garden")], item_features=features)
    assert store.vector("bob", "lamp", START + HOUR) == {"category_events_1d": 1.0}


def test_an_unknown_user_and_item_read_as_if_nothing_had_happened():
    vector = a_store(*DEFAULT_FEATURES, events=[an_event()]).vector("eve", "vase", START + HOUR)
    assert {name for name, value in vector.items() if value} == {
        "user_hours_since_event",
        "user_item_hours_since_event",
    }


# -- one definition, two uses --------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(events, max_size=30))
def test_no_skew_the_training_table_equals_the_vectors_that_were_served(log):
    log.sort(key=lambda event: event.timestamp)
    store, served = FeatureStore(MIXED), []
    for event in log:
        served.append(store.vector(event.user_id, event.item_id, event.timestamp))
        store.update(event)
    table = FeatureStore(MIXED).training_table(log)
    assert table[[definition.name for definition in MIXED]].to_dict("records") == served


def test_the_training_table_keeps_the_order_of_the_log_and_leaves_the_store_alone():
    store = FeatureStore([Count("user", DAY)])
    table = store.training_table([an_event(after=2 * HOUR), an_event(after=HOUR), an_event("bob")])
    assert table.user_id.tolist() == ["ann", "ann", "bob"]
    assert table.user_events_1d.tolist() == [1.0, 0.0, 0.0]
    assert store.size == 0


def test_the_training_table_answers_other_lookups_too():
    asked = [
        Lookup("ann", "sofa", START + HOUR),
        Lookup("ann", "lamp", START + HOUR),
        Lookup("ann", "lamp", START),
    ]
    table = FeatureStore([Count("user_item", DAY)]).training_table([an_event()], asked)
    assert table.user_item_events_1d.tolist() == [0.0, 1.0, 0.0]


def test_an_empty_log_gives_an_empty_table_with_all_columns():
    table = FeatureStore(DEFAULT_FEATURES).training_table([])
    assert list(table) == ["user_id", "item_id", "as_of", *(d.name for d in DEFAULT_FEATURES)]
    assert len(table) == 0


# -- numbers that stay sane ----------------------------------------------------------------------------------


def test_a_decayed_rate_of_a_steady_stream_reads_its_events_per_hour_after_a_year():
    store = FeatureStore([DecayedRate("item", DAY)], retention=timedelta(0))
    for hour in range(24 * 366):
        store.update(an_event(after=hour * HOUR))
    rate = store.vector("eve", "lamp", START + 24 * 366 * HOUR)["item_event_rate_1d"]
    assert rate == pytest.approx(1.0, abs=0.02)


def test_a_decayed_rate_halves_in_each_half_life():
    store = a_store(DecayedRate("item", DAY), events=[an_event()])
    rates = [store.vector("eve", "lamp", START + day * DAY)["item_event_rate_1d"] for day in (1, 2, 3)]
    assert rates == pytest.approx([math.log(2) / 24 / 2**day for day in (1, 2, 3)], abs=1e-9)


def test_a_huge_value_that_left_the_window_takes_no_digits_of_the_small_ones_with_it():
    log = [an_event(value=1e15), an_event(after=2 * HOUR, value=0.1), an_event(after=2 * HOUR, value=0.2)]
    store = a_store(Sum("user", HOUR), events=log)
    assert store.vector("ann", "lamp", START + 3 * HOUR) == {"user_event_value_1h": 0.1 + 0.2}


# -- bounds and refusals -------------------------------------------------------------------------------------


def test_memory_is_bounded_by_the_retention_for_busy_keys_and_for_passing_ones():
    store = FeatureStore([Count("item", HOUR), Count("user_item", HOUR)], retention=2 * HOUR)
    sizes = []
    for minute in range(60 * 24 * 3):
        store.update(an_event(f"user-{minute}", after=timedelta(minutes=minute)))
        sizes.append(store.size)
    assert max(sizes[1000:]) <= 2 * 2 * 180 + 10
    assert max(sizes[-1000:]) == max(sizes[1000:2000])


def test_an_event_older_than_the_retention_is_counted_and_changes_nothing():
    store = a_store(Count("user", DAY), events=[an_event(after=DAY), an_event()], retention=HOUR)
    assert store.too_late == 1
    assert store.vector("ann", "lamp", START + DAY) == {"user_events_1d": 0.0}


def test_a_read_older_than_the_retention_is_refused_with_the_oldest_allowed_time():
    store = a_store(Count("user", HOUR), events=[an_event(after=DAY)], retention=HOUR)
    assert store.oldest_as_of == START + 23 * HOUR
    store.vector("ann", "lamp", START + 23 * HOUR)
    with pytest.raises(LabError, match=r"as_of is 2026-01-01T22.*back to 2026-01-01 23:00.*later time"):
        store.vector("ann", "lamp", START + 22 * HOUR)


def test_a_time_without_offset_is_refused():
    with pytest.raises(InvalidEvent, match="as_of"):
        FeatureStore(MIXED).vector("ann", "lamp", datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_value_too_large_to_add_up_exactly_is_refused_and_the_store_goes_on():
    store = FeatureStore([Count("user", HOUR)])
    with pytest.raises(InvalidEvent, match="interaction_value"):
        store.update(an_event(value=1e16))
    assert store.vector("ann", "lamp", START + HOUR) == {"user_events_1h": 0.0}


def test_other_events_are_refused():
    with pytest.raises(TypeError, match="ItemUpdateEvent"):
        FeatureStore(MIXED).update(ItemUpdateEvent(event_id="1", timestamp=START, item_id="lamp"))


def test_two_features_of_one_name_and_a_negative_retention_are_refused():
    with pytest.raises(InvalidEvent, match="user_events_1h"):
        FeatureStore([Count("user", HOUR), Count("user", timedelta(minutes=60))])
    with pytest.raises(InvalidEvent, match="retention"):
        FeatureStore(MIXED, retention=-HOUR)
