"""The "now you" checks: the right answer passes, each usual wrong one is refused and told why."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from recsys_lab import datasets
from recsys_lab.engine import Recommendation, StreamingRecommendationEngine
from recsys_lab.events import UserInteractionEvent
from recsys_lab.experiments import Visit, cache_load, open_shop
from recsys_lab.study.now_you import events_and_streams, start_here
from recsys_lab.study.report import Report
from tests.shops import small_shop


def in_berlin(hour: int, offset_hours: int, **changed: str) -> UserInteractionEvent:
    zone = timezone(timedelta(hours=offset_hours))
    fields = {"user_id": "ann", "item_id": "lamp", "interaction_type": "purchase"} | changed
    return UserInteractionEvent(event_id="evt-1", timestamp=datetime(2026, 1, 1, hour, tzinfo=zone), **fields)


def adds_any(counts: dict[str, int], event: Any) -> dict[str, int]:
    return {**counts, event.item_id: counts.get(event.item_id, 0) + 1}


def adds_purchases(counts: dict[str, int], event: Any) -> dict[str, int]:
    return adds_any(counts, event) if event.interaction_type == "purchase" else counts


def forgets_the_views(counts: dict[str, int], event: Any) -> dict[str, int] | None:
    return adds_any(counts, event) if event.interaction_type == "purchase" else None


def changes_what_it_was_given(counts: dict[str, int], event: Any) -> dict[str, int]:
    counts[event.item_id] = counts.get(event.item_id, 0) + 1
    return counts


def raises(*_: Any) -> None:
    raise KeyError("lamp")


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (events_and_streams.event_in_berlin, in_berlin(10, 1)),
        (events_and_streams.event_in_berlin, in_berlin(9, 0)),
        (events_and_streams.lag_of, lambda stream, subscription: stream.next_offset - subscription.position),
        (events_and_streams.purchases_by_item, adds_purchases),
    ],
)
def test_a_right_answer_passes(check: Any, answer: Any) -> None:
    report = check(answer)
    assert report.passed, report
    assert repr(report).startswith("✓")


@pytest.mark.parametrize(
    ("check", "answer", "told"),
    [
        (events_and_streams.event_in_berlin, in_berlin(10, 0), "11:00 in Berlin"),
        (events_and_streams.event_in_berlin, in_berlin(10, 1, interaction_type="view"), "purchase"),
        (events_and_streams.event_in_berlin, "10:00", "UserInteractionEvent is needed"),
        (
            events_and_streams.lag_of,
            lambda stream, s: stream.next_offset - s.delivered,
            "came after 5 events",
        ),
        (events_and_streams.lag_of, lambda stream, s: len(stream) - s.position, "holds only the last 4"),
        (events_and_streams.lag_of, lambda stream, s: stream.next_offset - s.position - 1, "seen everything"),
        (events_and_streams.purchases_by_item, adds_any, "only looked"),
        (events_and_streams.purchases_by_item, changes_what_it_was_given, "have changed"),
        (events_and_streams.purchases_by_item, forgets_the_views, "for a view it gave None"),
        (events_and_streams.purchases_by_item, raises, "KeyError"),
    ],
)
def test_a_wrong_answer_is_refused_and_told_what_was_seen(check: Any, answer: Any, told: str) -> None:
    report = check(answer)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "report",
    [
        events_and_streams.event_in_berlin(...),
        events_and_streams.lag_of(lambda stream, subscription: ...),
        events_and_streams.purchases_by_item(lambda counts, event: ...),
        events_and_streams.longest_ttl(..., []),
    ],
)
def test_a_stub_is_not_attempted_yet(report: Report) -> None:
    assert not report.attempted
    assert repr(report) == "not attempted yet"


def asked_twice(*, right_for: int) -> list[Visit]:
    """Thirty users; the n-th asks again after n minutes and a half. An answer is right for so many minutes."""
    opened = datetime(2026, 1, 1, tzinfo=timezone.utc)
    first = [Visit(opened, "request", f"user-{n}", "", ("lamp",)) for n in range(30)]
    again = [
        Visit(opened + timedelta(minutes=n + 0.5), "request", f"user-{n}", "", ("lamp" if n < right_for else "mug",))
        for n in range(30)
    ]
    return first + again


@pytest.mark.parametrize(("minutes", "told"), [(10, "✓ 10 minutes"), (9, "longer"), (11, "stale"), (2.5, "whole")])
def test_only_the_longest_time_to_live_within_the_bound_passes(minutes: float, told: str) -> None:
    report = events_and_streams.longest_ttl(minutes, asked_twice(right_for=10))

    assert report.passed == (minutes == 10)
    assert told in repr(report)


@pytest.mark.parametrize("minutes", [10, 10.0, np.float64(10), np.int64(10)])
def test_any_number_that_is_whole_is_taken(minutes: float) -> None:
    assert events_and_streams.longest_ttl(minutes, asked_twice(right_for=10)).passed


@pytest.mark.parametrize("minutes", [float("nan"), float("inf"), "10", 0, 31])
def test_what_is_no_whole_number_of_minutes_is_refused(minutes: Any) -> None:
    assert "a whole number of minutes" in repr(events_and_streams.longest_ttl(minutes, asked_twice(right_for=10)))


def test_the_quiet_shop_of_the_notebook_has_a_right_answer() -> None:
    purchases = datasets.load("online-retail")
    load = cache_load(purchases[purchases["timestamp"] >= "2011-12-06"], purchases_per_minute=1)

    passing = [minutes for minutes in range(1, 31) if events_and_streams.longest_ttl(minutes, load).passed]
    assert passing == [5]


async def lists_of_toys(
    *filters: dict[str, Any],
) -> tuple[StreamingRecommendationEngine, list[list[Recommendation]]]:
    shop = await open_shop(small_shop().head(600))
    for item_id in list(shop.item_features)[:30]:
        await shop.update_item(item_id, {"category": start_here.WANTED})
    return shop, [await shop.get_recommendations("you", 5, filters=each) for each in filters]


def test_five_toys_pass_and_a_list_of_anything_does_not() -> None:
    shop, (toys, anything) = asyncio.run(lists_of_toys({"category": start_here.WANTED}, {}))

    assert start_here.five_toys(toys, shop).passed
    assert "another category" in repr(start_here.five_toys(anything, shop))
    assert "it holds 4" in repr(start_here.five_toys(toys[:4], shop))
    assert "spelled" not in repr(start_here.five_toys(toys[:4], shop))
    assert "spelled as in the data (toys and games)" in repr(start_here.five_toys([], shop))
    assert repr(start_here.five_toys(..., shop)) == "not attempted yet"
