"""The "now you" checks of notebook 03: the right answer passes, each usual wrong one is refused and told why."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from recsys_lab.study.now_you import kafka as now_you
from tests.plots.test_kafka_pictures import crashed

NOWHERE = "127.0.0.1:1"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("key", "told"),
    [
        (lambda event: event.user_id, "✓ every user's events lie in one partition"),
        (lambda event: f"user {event.user_id}", "✓"),
        (lambda event: event.item_id, "nothing says which is read first"),
        (lambda event: event.session_id, "nothing says which is read first"),
        (lambda event: event.event_id, "nothing says which is read first"),
        (lambda event: "shop", "a second reader has nothing to do"),
    ],
)
def test_a_key_is_judged_by_where_it_puts_events(servers: str, key: Any, told: str) -> None:
    report = now_you.key_for_order(key, servers)

    assert report.attempted
    assert report.passed == told.startswith("✓")
    assert told in repr(report)


@pytest.mark.parametrize(
    ("key", "told"),
    [(lambda event: None, "text is needed"), (lambda event: 7, "text is needed"), (lambda event: event.user, "raised")],
)
def test_what_is_no_key_is_refused_before_anything_is_sent(key: Any, told: str) -> None:
    assert told in repr(now_you.key_for_order(key, NOWHERE))


MEASURED = pd.concat(
    [
        crashed("at-most-once", "record", lost=5),
        crashed("at-least-once", "sent", doubled=5, again=5),
        crashed("exactly-once", "sent", again=5),
    ],
    ignore_index=True,
)
RIGHT = {"ticker": "at-most-once", "orders": "at-least-once", "points": "exactly-once"}


def test_the_cheapest_guarantee_that_is_enough_passes() -> None:
    assert now_you.guarantees(RIGHT, MEASURED).passed


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ticker": "at-least-once"}, "ticker: at-least-once doubled 5 of 20"),
        ({"ticker": "exactly-once"}, "a cheaper one is enough"),
        ({"orders": "at-most-once"}, "orders: at-most-once lost 5 of 20"),
        ({"orders": "exactly-once"}, "a cheaper one is enough"),
        ({"points": "at-least-once"}, "points: at-least-once doubled 5 of 20"),
        ({"points": "at-most-once"}, "points: at-most-once lost 5 of 20"),
        ({"points": "perhaps"}, "none of at-most-once"),
    ],
)
def test_a_guarantee_that_is_not_enough_or_too_much_is_refused(changed: dict[str, str], told: str) -> None:
    report = now_you.guarantees(RIGHT | changed, MEASURED)

    assert not report.passed
    assert told in repr(report)


def by_id(state: dict[str, Any], event: Any) -> dict[str, Any]:
    seen = state.get("seen", frozenset())
    if event.event_id in seen:
        return state
    return {**state, event.item_id: state.get(event.item_id, 0) + 1, "seen": seen | {event.event_id}}


def always(state: dict[str, Any], event: Any) -> dict[str, Any]:
    return {**state, event.item_id: state.get(event.item_id, 0) + 1}


def by_last_id(state: dict[str, Any], event: Any) -> dict[str, Any]:
    return state if state.get("last") == event.event_id else {**always(state, event), "last": event.event_id}


def by_recent_ids(state: dict[str, Any], event: Any) -> dict[str, Any]:
    recent = state.get("recent", ())
    return state if event.event_id in recent else {**always(state, event), "recent": (*recent, event.event_id)[-10:]}


def by_user_and_item(state: dict[str, Any], event: Any) -> dict[str, Any]:
    seen = state.get("seen", frozenset())
    purchase = (event.user_id, event.item_id)
    return state if purchase in seen else {**always(state, event), "seen": seen | {purchase}}


def in_place(state: dict[str, Any], event: Any) -> dict[str, Any]:
    state[event.item_id] = state.get(event.item_id, 0) + 1
    return state


def test_a_step_that_knows_each_event_by_its_id_passes() -> None:
    assert now_you.counts_once(by_id).passed


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (always, "comes again at once: 2 lamps were bought, and yours says 3"),
        (by_last_id, "a batch of three comes again after a crash: 4 lamps were bought, and yours says 7"),
        (by_recent_ids, "much later: 39 lamps were bought, and yours says 40"),
        (by_user_and_item, "each delivered once: 3 lamps were bought, and yours says 1"),
        (in_place, "changed the state"),
        (lambda state, event: None, "a dict is needed"),
        (lambda state, event: state["lamp"], "KeyError"),
    ],
)
def test_a_step_that_counts_wrongly_is_refused_and_told_when(step: Any, told: str) -> None:
    report = now_you.counts_once(step)

    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "report",
    [
        now_you.key_for_order(lambda event: ..., NOWHERE),
        now_you.guarantees({"ticker": ..., "orders": ..., "points": ...}, MEASURED),
        now_you.guarantees(..., MEASURED),
        now_you.counts_once(lambda state, event: ...),
    ],
)
def test_a_stub_is_not_attempted_yet(report: Any) -> None:
    assert repr(report) == "not attempted yet"
