"""The definition that nudges are held against knows its two borders to the millisecond, whatever the time of day."""

from __future__ import annotations

import pytest

from recsys_lab.study.questions.advanced_3.check import Visit, definition

TENTHS = range(0, 900, 7)  # of a minute, which no float holds exactly


@pytest.mark.parametrize("tenth", TENTHS)
def test_a_visit_exactly_five_minutes_behind_is_not_too_late(tenth: int) -> None:
    latest = Visit((tenth + 50) / 10, user="bob")
    assert len(definition([Visit((tenth - 2) / 10), Visit((tenth - 1) / 10), latest, Visit(tenth / 10)])) == 1


@pytest.mark.parametrize("tenth", TENTHS)
def test_a_purchase_after_exactly_half_an_hour_stops_nothing(tenth: int) -> None:
    views = [Visit((tenth + more) / 10) for more in range(3)]
    assert len(definition([*views, Visit((tenth + 300) / 10, "purchase")])) == 1
    assert definition([*views, Visit((tenth + 299) / 10, "purchase")]) == []
