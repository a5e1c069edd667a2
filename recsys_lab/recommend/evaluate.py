"""Test, then learn: the honest way to judge a recommender on a log of events.

Each event is first a question and then a lesson. Before the recommender sees it, it is asked what the user
will take next, and may not name what the user already has; then the event is shown to it. So every answer uses
the past alone, and the figures follow the recommender through cold start, season and drift. ("Prequential"
evaluation: Dawid 1984; for recommenders: Vinagre, Jorge and Gama, "Evaluation of recommender systems in
streaming environments", 2014.)

The rules, in full:
- Every `every`-th row of the log is a question, the first row included, unless the user already had that item:
  a repeat can't be found, because what the user has is left out of the answer. All rows are lessons.
- What is no interaction (cancellations, postage) is left out before, by `datasets.load`.
- A user's first event is a question too (a cold start), and a list that is too short simply misses more.
- The first row of a new basket is judged separately: most of a shopper's next items are the rest of the same
  basket, which is far easier. A basket is a `session_id`; where a log has none, a pause of more than 30 minutes
  begins a new one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Protocol

import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.events import interaction_weight
from recsys_lab.latency import LatencySketch
from recsys_lab.recommend.base import Recommender

PAUSE = timedelta(minutes=30)
"""Without session ids, a longer pause begins a new basket."""

CURVE_POINTS = 100


@dataclass(frozen=True)
class Figures:
    """How well a number of questions was answered; NaN where there was none.

    hit_rate: share of the lists that held the item taken next (HR@k). ndcg: the same, where a hit at rank r
    counts 1 / log2(r + 1) (NDCG@k with one relevant item; Järvelin and Kekäläinen 2002).
    """

    questions: int
    hit_rate: float
    ndcg: float


@dataclass(frozen=True)
class PrequentialResult:
    """What `prequential` found. `hit_rate`, `ndcg` and `questions` are about all questions.

    first: the same for the first item of each new basket.
    coverage: share of the items in the log that were shown at least once, 0 to 1.
    novelty: mean of −log2 of an item's share of the past events over what was shown, in bits: how surprising it
        is (Vargas and Castells 2011). An item that no event was about yet counts as one event.
    latency: of `recommend`, measured with `perf_counter`: it differs from run to run.
    curve: one row for each of up to 100 parts of the log: `events` so far, `timestamp`, `questions` so far,
        `hit_rate` and `ndcg` so far, and `recent_hit_rate` and `recent_ndcg` of that part alone.
    """

    questions: int
    hit_rate: float
    ndcg: float
    first: Figures
    coverage: float
    novelty: float
    latency: LatencySketch = field(repr=False, compare=False)
    curve: pd.DataFrame = field(repr=False, compare=False)


class Simulated(Protocol):
    """What has its interactions in `events`, such as the result of `experiments.simulate`."""

    @property
    def events(self) -> pd.DataFrame: ...


def prequential(
    recommender: Recommender, interactions: pd.DataFrame | Simulated, k: int = 10, *, every: int = 1
) -> PrequentialResult:
    """Let the recommender go through the log, asked before every `every`-th event and taught by all.

    recommender: usually a new one; it is changed. interactions: columns `user_id`, `item_id`,
    `interaction_type`, `timestamp` and, if known, `session_id`, in time order (see `datasets.load`), or
    what `experiments.simulate` gives.
    k: length of the lists. Raises InvalidEvent for k or every below 1, missing columns, times without an offset,
    rows out of order.
    """
    interactions = _table(interactions)
    _check(interactions, k, every)
    users = _Users()
    everything, first_of_basket, part = _Tally(), _Tally(), _Tally()
    latency, shown, taken = LatencySketch(), _Shown(), Counter[str]()
    curve = []
    part_ends = {round(len(interactions) * point / CURVE_POINTS) for point in range(1, CURVE_POINTS + 1)}
    for number, (user_id, item_id, weight, at, session_id) in enumerate(_rows(interactions)):
        new_basket = users.begins_basket(user_id, session_id, at)
        has = users.items_of(user_id)
        if number % every == 0 and item_id not in has:
            start = perf_counter()
            answer = recommender.recommend(user_id, k, at=at, exclude=has)
            latency.add(perf_counter() - start)
            listed = [listed_id for listed_id, _ in answer]
            shown.add(listed, taken, number)
            gain = _gain(listed, item_id)
            for tally in (everything, part, *((first_of_basket,) if new_basket else ())):
                tally.add(gain)
        recommender.observe(user_id, item_id, weight, at)
        has.add(item_id)
        taken[item_id] += 1
        if number + 1 in part_ends:
            curve.append(_point(number + 1, at, everything.figures(), part.figures()))
            part = _Tally()
    total = everything.figures()
    return PrequentialResult(
        questions=total.questions,
        hit_rate=total.hit_rate,
        ndcg=total.ndcg,
        first=first_of_basket.figures(),
        coverage=len(shown.items & taken.keys()) / len(taken) if taken else math.nan,
        novelty=shown.novelty(),
        latency=latency,
        curve=pd.DataFrame(curve, columns=list(_CURVE_COLUMNS)),
    )


_NEEDED = ("user_id", "item_id", "interaction_type", "timestamp")
_CURVE_COLUMNS = (
    "events", "timestamp", "questions", "hit_rate", "ndcg", "recent_hit_rate", "recent_ndcg"
)  # fmt: skip


def _table(interactions: Any) -> pd.DataFrame:
    """The table itself, or the events of a simulation."""
    table = interactions if isinstance(interactions, pd.DataFrame) else getattr(interactions, "events", None)
    if not isinstance(table, pd.DataFrame):
        raise InvalidEvent(f"interactions is {shorten(interactions)}; a table as `datasets.load` gives it is needed")
    return table


def _check(interactions: pd.DataFrame, k: int, every: int) -> None:
    for name, number in (("k", k), ("every", every)):
        if not isinstance(number, int) or number < 1:
            raise InvalidEvent(f"{name} is {shorten(number)}; a whole number from 1 up is needed")
    missing = [column for column in _NEEDED if column not in interactions.columns]
    if missing:
        raise InvalidEvent(f"interactions has no column {', '.join(missing)}; see `datasets.load` for the form")
    if not isinstance(interactions["timestamp"].dtype, pd.DatetimeTZDtype):
        kind = interactions["timestamp"].dtype
        raise InvalidEvent(f"timestamp is {kind}; times with an offset are needed: pd.to_datetime(..., utc=True)")
    if not interactions["timestamp"].is_monotonic_increasing:
        raise InvalidEvent("timestamp goes backwards; sort the interactions by timestamp first, keeping ties")


def _rows(interactions: pd.DataFrame) -> Iterator[tuple[str, str, float, datetime, str | None]]:
    """(user, item, weight, time, session or None) of each row, as plain Python values."""
    sessions: Iterable[str | None] = [None] * len(interactions)
    if "session_id" in interactions.columns:
        sessions = (None if pd.isna(session) else session for session in interactions["session_id"])
    return zip(
        interactions["user_id"],
        interactions["item_id"],
        interactions["interaction_type"].map(interaction_weight),
        (moment.to_pydatetime() for moment in interactions["timestamp"]),
        sessions,
        strict=True,
    )


def _gain(listed: list[str], item_id: str) -> float:
    """What the item's place in the list is worth: 1 at the top, 1 / log2(rank + 1) below, 0 if it is not there."""
    return 1.0 / math.log2(listed.index(item_id) + 2) if item_id in listed else 0.0


def _point(events: int, at: datetime, total: Figures, part: Figures) -> tuple[object, ...]:
    return events, at, total.questions, total.hit_rate, total.ndcg, part.hit_rate, part.ndcg


class _Tally:
    """Hits and gains of the questions so far."""

    def __init__(self) -> None:
        self.questions, self.hits, self.gains = 0, 0, 0.0

    def add(self, gain: float) -> None:
        self.questions += 1
        self.hits += gain > 0
        self.gains += gain

    def figures(self) -> Figures:
        if not self.questions:
            return Figures(0, math.nan, math.nan)
        return Figures(self.questions, self.hits / self.questions, self.gains / self.questions)


class _Shown:
    """What the lists held, and how surprising it was."""

    def __init__(self) -> None:
        self.items: set[str] = set()
        self._places, self._bits = 0, 0.0

    def add(self, listed: list[str], taken: Counter[str], events: int) -> None:
        self.items.update(listed)
        self._places += len(listed)
        for item_id in listed:
            self._bits += math.log2(max(events, 1) / max(taken[item_id], 1))

    def novelty(self) -> float:
        return self._bits / self._places if self._places else math.nan


class _Users:
    """What each user has, and where each one's basket ends."""

    def __init__(self) -> None:
        self._items: dict[str, set[str]] = {}
        self._latest: dict[str, tuple[str | None, datetime]] = {}

    def items_of(self, user_id: str) -> set[str]:
        return self._items.setdefault(user_id, set())

    def begins_basket(self, user_id: str, session_id: str | None, at: datetime) -> bool:
        """Whether an event of that session and time is the first of a basket; remembers it."""
        before = self._latest.get(user_id)
        self._latest[user_id] = (session_id, at)
        if before is None:
            return True
        if session_id is None:
            return before[0] is not None or at - before[1] > PAUSE
        return session_id != before[0]
