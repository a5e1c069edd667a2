"""Definitions: values with telling names, refused when they cannot mean anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.features import DEFAULT_FEATURES, Count, DecayedRate, Recency, Sum

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (Count("user", timedelta(hours=1), "click"), "user_clicks_1h"),
        (Count("item", timedelta(minutes=90)), "item_events_90m"),
        (Sum("user_category", 7 * DAY, "purchase"), "user_category_purchase_value_7d"),
        (DecayedRate("category", timedelta(hours=36)), "category_event_rate_36h"),
        (Recency("user_item", DAY, "view"), "user_item_hours_since_view"),
        (Count("user", timedelta(microseconds=1500)), "user_events_1500us"),
    ],
)
def test_a_name_says_whose_what_and_how_long(definition, name):
    assert definition.name == name


def test_definitions_are_values():
    assert Count("user", DAY) == Count("user", timedelta(hours=24))
    assert len({Count("user", DAY), Count("user", timedelta(hours=24))}) == 1
    with pytest.raises(AttributeError):
        Count("user", DAY).window = 2 * DAY


def test_the_built_in_features_have_names_of_their_own_and_cover_every_key():
    assert len({definition.name for definition in DEFAULT_FEATURES}) == len(DEFAULT_FEATURES)
    assert {d.key for d in DEFAULT_FEATURES} == {"user", "item", "category", "user_item", "user_category"}


@pytest.mark.parametrize("kind", [Count, Sum, DecayedRate, Recency])
def test_an_unknown_key_and_a_duration_that_is_not_positive_are_refused(kind):
    with pytest.raises(InvalidEvent, match="key is 'shop'; one of user, item"):
        kind("shop", DAY)
    with pytest.raises(InvalidEvent, match="a positive duration is needed"):
        kind("user", timedelta(0))
