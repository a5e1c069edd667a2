"""Filters are checked before anything is computed; an error names the filter."""

from __future__ import annotations

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.recommend.filters import NAMES, Filters


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Filters()),
        ({"category": "home"}, Filters(categories=("home",))),
        ({"category": ["home", "toys"]}, Filters(categories=("home", "toys"))),
        ({"category": []}, Filters()),
        ({"exclude_items": ["lamp", "desk"]}, Filters(exclude_items=("lamp", "desk"))),
        ({"exclude_items": "lamp"}, Filters(exclude_items=("lamp",))),
        ({"include_seen": True}, Filters(include_seen=True)),
        ({"include_seen": False, "category": "home"}, Filters(categories=("home",))),
    ],
)
def test_filters_are_read(given, expected):
    assert Filters.parse(given) == expected


@pytest.mark.parametrize("name", ["price", "Category", "categories", "", "exclude"])
def test_a_filter_that_does_not_exist_is_refused_by_name_with_those_that_do(name):
    with pytest.raises(InvalidEvent) as refused:
        Filters.parse({"category": "home", name: 1})
    assert str(refused.value).startswith(f"filters.{name} is 1;")
    assert all(known in str(refused.value) for known in NAMES)


@pytest.mark.parametrize("name", ["category", "exclude_items"])
@pytest.mark.parametrize("value", [None, 1, True, {"home": 1}, ["home", 2], [["home"]], [None], 0.5])
def test_a_filter_that_is_neither_a_text_nor_texts_is_refused(name, value):
    with pytest.raises(InvalidEvent, match=rf"^filters\.{name} is "):
        Filters.parse({name: value})


@pytest.mark.parametrize("value", [None, 0, 1, "true", []])
def test_include_seen_is_true_or_false(value):
    with pytest.raises(InvalidEvent, match=r"^filters\.include_seen is "):
        Filters.parse({"include_seen": value})
