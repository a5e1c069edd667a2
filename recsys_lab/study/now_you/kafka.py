"""The "now you" checks of notebook 03."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from recsys_lab.errors import shorten
from recsys_lab.events import UserInteractionEvent
from recsys_lab.experiments.on_kafka.topics import fresh_topic, quiet_client, read_topic
from recsys_lab.experiments.on_kafka.visits import OPENS, visits_producer
from recsys_lab.study.report import NotAttempted, Report, expect, expect_kind, given, judge

PARTITIONS = 3
USERS = ("ann", "bob", "cas", "dan", "dee", "gus")
ITEMS = ("lamp", "mug", "rug", "bag")


def key_for_order(answer: Any, servers: str) -> Report:
    """A function from an event to its key, that keeps each user's events in order and shares out the work.

    servers: of a running Kafka, on which the key is tried.
    """

    def check(key: Callable[[UserInteractionEvent], Any]) -> str:
        events = _a_morning()
        keys = [given(key(event)) for event in events]
        for each in keys:
            expect_kind(each, str, "a key that is text")
        found = _placed(servers, events, keys)
        for user, rows in found.groupby("user", sort=False):
            first, *others = rows.itertuples()
            other = next((row for row in others if row.partition != first.partition), None)
            expect(
                other is None,
                f"{user}'s event {first.number} lies in partition {first.partition}, and event "
                f"{getattr(other, 'number', '')} in partition {getattr(other, 'partition', '')}: "
                "nothing says which is read first.",
            )
        used = found["partition"].nunique()
        expect(
            used > 1,
            f"all {len(events)} events lie in one of {PARTITIONS} partitions: a second reader has nothing to do.",
        )
        return (
            f"every user's events lie in one partition, in order, and {used} of {PARTITIONS} partitions share the work."
        )

    return judge(check, answer)


JOBS: Mapping[str, tuple[bool, bool]] = {"ticker": (True, False), "orders": (False, True), "points": (False, False)}
"""Whether a job may lose an event, and whether it may see one twice."""


def guarantees(answer: Any, measured: pd.DataFrame) -> Report:
    """The cheapest guarantee that is enough for each of JOBS, by what was measured.

    answer: job → guarantee. measured: of `experiments.crashes`, with a bad moment for each guarantee.
    """

    def check(choice: Any) -> str:
        expect_kind(choice, dict, "a dict from job to guarantee")
        if any(choice.get(job, ...) is ... for job in JOBS):
            raise NotAttempted
        known = list(measured["delivery"].unique())
        for job, (may_lose, may_double) in JOBS.items():
            chosen = choice[job]
            expect(chosen in known, f"{job}: {shorten(chosen)} is none of {', '.join(known)}.")
            copies = measured.loc[measured["delivery"] == chosen, "copies"]
            lost, doubled, total = int((copies == 0).sum()), int((copies > 1).sum()), len(copies)
            expect(may_lose or not lost, f"{job}: {chosen} lost {lost} of {total} events in our crash.")
            expect(may_double or not doubled, f"{job}: {chosen} doubled {doubled} of {total} events in our crash.")
            expect(
                chosen != "exactly-once" or not (may_lose or may_double),
                f"{job}: exactly-once would do, at the price of a transaction for each batch; a cheaper one is enough.",
            )
        return "each job gets what it needs, and none pays for more."

    return judge(check, answer)


def counts_once(answer: Any) -> Report:
    """A step from a state (a dict, {} at first) and a purchase to a new state, that counts each purchase once.

    `state[item]` is the count; anything else may be kept in the state under other names.
    """

    def check(step: Callable[[dict[str, Any], UserInteractionEvent], Any]) -> str:
        for situation, numbers, lamps in _DELIVERIES:
            state: Any = {}
            for number in numbers:
                before = dict(state)
                after = given(step(state, _purchase(number)))
                expect(isinstance(after, dict), f"{situation}: it gave {shorten(after)}; a dict is needed.")
                expect(state == before, f"{situation}: it changed the state that it was given; build a new one.")
                state = after
            told = state.get("lamp", 0)
            expect(told == lamps, f"{situation}: {lamps} lamps were bought, and yours says {shorten(told)}.")
        return "whatever comes again, and however late: every purchase counts once."

    return judge(check, answer)


_DELIVERIES = (
    ("three purchases, each delivered once", [1, 2, 3], 3),
    ("the last event comes again at once", [1, 2, 2], 2),
    ("a batch of three comes again after a crash", [1, 2, 3, 1, 2, 3, 4], 4),
    ("an event comes again much later", [*range(1, 40), 5], 39),
)
"""Situation, events delivered (by number), lamps bought."""


def _purchase(number: int) -> UserInteractionEvent:
    """Always ann, and always a lamp; all within one second: only the id tells two purchases apart."""
    return UserInteractionEvent(
        event_id=f"purchase-{number}", timestamp=OPENS, user_id="ann", item_id="lamp", interaction_type="purchase"
    )


def _a_morning() -> list[UserInteractionEvent]:
    """Four events of each of six users, in turn, two in one session and two in the next."""
    return [
        UserInteractionEvent(
            event_id=f"evt-{step}-{user}",
            timestamp=OPENS,
            user_id=user,
            item_id=ITEMS[(number + step) % len(ITEMS)],
            interaction_type="view" if step < 3 else "click",
            session_id=f"{user}-session-{(step + 1) // 2}",
            data={"number": step},
        )
        for step in range(1, 5)
        for number, user in enumerate(USERS)
    ]


@quiet_client()
def _placed(servers: str, events: list[UserInteractionEvent], keys: list[str]) -> pd.DataFrame:
    """Where the events lie when they are sent under these keys: user, number, partition, in order of sending."""
    topic = fresh_topic(servers, "your-key", partitions=PARTITIONS)
    producer = visits_producer(servers, linger_ms=5)
    try:
        for order, key in enumerate(keys):
            producer.send(topic, key=key, value=str(order).encode())
        producer.flush(10)
    finally:
        producer.close(timeout=5)
    found = read_topic(servers, topic)
    places = dict(zip(found["value"].astype(int), found["partition"], strict=True))
    rows = [(event.user_id, event.data["number"], places[order]) for order, event in enumerate(events)]
    return pd.DataFrame(rows, columns=["user", "number", "partition"])
