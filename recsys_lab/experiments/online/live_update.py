"""A new version of a recommender, taught from the log while the old one serves, and then put in its place.

The old version answers and learns. The new one starts from nothing beside it and reads the same log from offset 0,
some events for each one that comes. When its lag is 0 it has seen everything, and one reference is set: from then on
requests find the new version. There is no moment without a version, and no request that sees half of one.

Requests come on threads of their own. Each answer says who gave it, and what that version had seen by then. Afterwards
both versions go through the log again, alone, and every answer must be what that version says at that position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import pandas as pd

from recsys_lab.clock import IdSource
from recsys_lab.events import UserInteractionEvent, interaction_weight
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.popularity import Popularity
from recsys_lab.streams import EventStream

VERSIONS: Mapping[int, Callable[[], Recommender]] = {1: Popularity, 2: ItemNeighbours}

LIST = 5


def live_update(
    purchases: pd.DataFrame,
    *,
    starts_at: int = 1_000,
    speed: int = 4,
    every: int = 4,
    threads: int = 4,
    versions: Mapping[int, Callable[[], Recommender]] = VERSIONS,
) -> pd.DataFrame:
    """A row for each request, in the order in which they were made.

    purchases: as `datasets.load` gives them; they come one by one. starts_at: the event at which the new version starts
    to read the log. speed: events it reads for each that comes. every: a request after so many events. threads: that
    answer; with 1 the table is the same on every run.
    Columns: request, event (the end of the log when it was made), lag (of the new version then; NaN before it starts),
    version (that answered), position (events that it had seen), failed, mixed (the answer is not what the version says
    alone at that position).
    """
    if speed < 2:
        raise ValueError(f"speed is {speed}; a version that reads no faster than events come never catches up. Give 2.")
    log = _log_of(purchases)
    events = [event for event in log.get_recent_events(log.max_size) if isinstance(event, UserInteractionEvent)]
    shop = _Shop(_Version(1, versions[1]()))
    new: _Version | None = None
    made: list[tuple[int, float, Future[_Answer]]] = []
    with ThreadPoolExecutor(threads) as pool:
        for end, event in enumerate(events, start=1):
            shop.serving.learn(event)
            if end == starts_at:
                new = _Version(2, versions[2]())
            if new is not None and shop.serving is not new:
                for missing in events[new.position : min(end, new.position + speed)]:
                    new.learn(missing)
                if new.position == end:
                    shop.serving = new
            if end % every == 0:
                lag = float("nan") if new is None else float(end - new.position)
                made.append((end, lag, pool.submit(shop.answer, event)))
                if threads == 1:
                    made[-1][2].exception()  # waits; a failure is told in the table
    return _table(made, events, versions)


@dataclass(frozen=True)
class _Answer:
    version: int
    position: int
    event: UserInteractionEvent
    items: list[str]


@dataclass
class _Version:
    """A recommender, what it has seen, and a lock, so that nobody is answered in the middle of learning."""

    number: int
    recommender: Recommender
    position: int = 0
    lock: Lock = field(default_factory=Lock)

    def learn(self, event: UserInteractionEvent) -> None:
        with self.lock:
            weight = interaction_weight(event.interaction_type)
            self.recommender.observe(event.user_id, event.item_id, weight, event.timestamp)
            self.position += 1

    def answer(self, event: UserInteractionEvent) -> _Answer:
        with self.lock:
            listed = self.recommender.recommend(event.user_id, LIST, at=event.timestamp)
            return _Answer(self.number, self.position, event, [item for item, _ in listed])


class _Shop:
    """serving: the one reference that a swap sets."""

    def __init__(self, first: _Version) -> None:
        self.serving = first

    def answer(self, event: UserInteractionEvent) -> _Answer:
        return self.serving.answer(event)


def _log_of(purchases: pd.DataFrame) -> EventStream:
    log, ids = EventStream("purchases", max_size=max(1, len(purchases))), IdSource()
    for row in purchases.itertuples(index=False):
        log.publish(
            UserInteractionEvent(
                event_id=ids(), timestamp=row.timestamp.to_pydatetime(), user_id=str(row.user_id),  # type: ignore[union-attr]
                item_id=str(row.item_id), interaction_type=str(row.interaction_type),
            )
        )  # fmt: skip
    return log


def _table(
    made: Sequence[tuple[int, float, Future[_Answer]]],
    events: Sequence[UserInteractionEvent],
    versions: Mapping[int, Callable[[], Recommender]],
) -> pd.DataFrame:
    answers = {request: future.result() for request, (*_, future) in enumerate(made) if future.exception() is None}
    mixed = {request for version in versions for request in _unlike(version, versions[version](), answers, events)}
    rows = []
    for request, (end, lag, _) in enumerate(made):
        answer = answers.get(request)
        said = (0, 0) if answer is None else (answer.version, answer.position)
        rows.append((request, end, lag, *said, answer is None, request in mixed))
    return pd.DataFrame(rows, columns=["request", "event", "lag", "version", "position", "failed", "mixed"])


def _unlike(
    version: int, alone: Recommender, answers: Mapping[int, _Answer], events: Sequence[UserInteractionEvent]
) -> list[int]:
    """The requests whose answer is not what a version says that goes through the log alone."""
    asked: dict[int, list[int]] = {}
    for request, answer in answers.items():
        if answer.version == version:
            asked.setdefault(answer.position, []).append(request)
    unlike = []
    for position in range(len(events) + 1):
        for request in asked.get(position, ()):
            event = answers[request].event
            listed = alone.recommend(event.user_id, LIST, at=event.timestamp)
            if [item for item, _ in listed] != answers[request].items:
                unlike.append(request)
        if position < len(events):
            event = events[position]
            alone.observe(event.user_id, event.item_id, interaction_weight(event.interaction_type), event.timestamp)
    return unlike
