"""The "now you" checks of notebook 01."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import reduce
from numbers import Real
from typing import Any

from recsys_lab.clock import IdSource
from recsys_lab.errors import shorten
from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.experiments.cache import Visit, cache_staleness
from recsys_lab.streams import EventStream, Subscription
from recsys_lab.study.report import Report, expect, expect_kind, given, judge

NEW_YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
MOST_STALE = 0.05
LONGEST_MINUTES = 30


def event_in_berlin(answer: Any) -> Report:
    """Ann's purchase of the lamp on 2026-01-01 at 10:00 in Berlin, which is at 09:00 UTC."""

    def check(event: Any) -> str:
        expect_kind(event, UserInteractionEvent, "a UserInteractionEvent")
        who_and_what = (event.user_id, event.item_id, event.interaction_type)
        expect(
            who_and_what == ("ann", "lamp", "purchase"),
            f"it says {who_and_what}; ann's purchase of the lamp was asked for.",
        )
        right = NEW_YEAR + timedelta(hours=9)
        there = event.timestamp + timedelta(hours=1)
        expect(
            event.timestamp == right,
            f"it happened at {there:%Y-%m-%d %H:%M} in Berlin; 2026-01-01 10:00 was asked for.",
        )
        return "you wrote 10:00 in Berlin, and the event keeps 09:00 UTC."

    return judge(check, answer)


def lag_of(answer: Any) -> Report:
    """A function of a stream and a subscription that tells how far behind the subscription is."""

    def check(lag: Callable[[EventStream, Subscription], Any]) -> str:
        for situation, stream, subscription in _situations():
            told = given(lag(stream, subscription))
            right = subscription.lag
            expect(
                told == right,
                f"{situation}: {right} events were still to come, and yours says {shorten(told)}.",
            )
        return "right for a new reader, one that came late, one that is behind, and one that has missed events."

    return judge(check, answer)


def purchases_by_item(answer: Any) -> Report:
    """A fold step: counts of purchases by item, and an event, to new counts; nothing is changed in place."""

    def check(step: Callable[[dict[str, int], UserInteractionEvent], Any]) -> str:
        before = {"lamp": 1}
        after = given(step(before, _event("lamp", "purchase")))
        expect(
            before == {"lamp": 1},
            f"the counts that it was given have changed, to {before}; build a new dict.",
        )
        expect(after == {"lamp": 2}, f"after a lamp was bought twice it says {after}.")
        looked = given(step({"lamp": 1}, _event("lamp", "view")))
        expect(looked is not None, "for a view it gave None; return the counts as they were.")
        log = [
            _event("lamp", "view"),
            _event("mug", "purchase"),
            _event("lamp", "purchase"),
            _event("mug", "click"),
        ]
        counts: Any = reduce(step, log, {})
        expect(
            counts == {"mug": 1, "lamp": 1},
            f"one mug and one lamp were bought; the others only looked. It says {counts}.",
        )
        return "it counts purchases only, and leaves the past as it was."

    return judge(check, answer)


def longest_ttl(answer: Any, load: Sequence[Visit]) -> Report:
    """The longest time to live, in whole minutes up to 30, with at most 5 % of the hits stale."""

    def check(minutes: Any) -> str:
        expect(
            isinstance(minutes, Real) and float(minutes) in range(1, LONGEST_MINUTES + 1),
            "a whole number of minutes, 1 to 30, is needed.",
        )
        minutes = int(minutes)
        table = cache_staleness(load, ttls=range(1, LONGEST_MINUTES + 1)).set_index("ttl")
        share = table["stale_share"]
        expect(share[minutes] <= MOST_STALE, f"at {minutes} minutes {share[minutes]:.1%} of the hits are stale.")
        longest = int(share.index[share <= MOST_STALE].max())
        expect(
            minutes == longest,
            f"at {minutes} minutes {share[minutes]:.1%} are stale, but a longer time would do too.",
        )
        served = table["hit_rate"][minutes]
        return f"{minutes} minutes: {served:.0%} of the requests served, {share[minutes]:.1%} of them stale."

    return judge(check, answer)


def _event(item_id: str, interaction_type: str) -> UserInteractionEvent:
    return UserInteractionEvent(
        event_id="evt-1",
        timestamp=NEW_YEAR,
        user_id="ann",
        item_id=item_id,
        interaction_type=interaction_type,
    )


async def _never_called(event: StreamEvent) -> None:
    """A reader for which there is no event loop to run it, so that it stays where it is."""


def _situations() -> list[tuple[str, EventStream, Subscription]]:
    """Readers whose lag can be got wrong in different ways."""
    ids = IdSource()

    def stream_of(count: int, *, held: int = 100) -> EventStream:
        stream = EventStream("practice", max_size=held)
        for _ in range(count):
            stream.publish(_event(ids(), "view"))
        return stream

    quick, late, behind, missed = stream_of(3), stream_of(5), stream_of(4), stream_of(10, held=4)
    return [
        ("a reader that has seen everything", quick, quick.subscribe(lambda event: None, from_offset=0)),
        (
            "a reader that came after 5 events and wants only new ones",
            late,
            late.subscribe(lambda event: None),
        ),
        ("a reader at offset 1 of a stream of 4", behind, behind.subscribe(_never_called, from_offset=1)),
        (
            "a reader at offset 2 of a stream that holds only the last 4 of 10",
            missed,
            missed.subscribe(_never_called, from_offset=2),
        ),
    ]
