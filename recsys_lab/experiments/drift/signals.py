"""Error signals: how wrong is the model, event by event? Test, then learn, as values from 0 to 1 for a detector.

Where a signal has no value for an event, the detector waits; but delays are always counted in events of the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recsys_lab.experiments.drift.tastes import Tastes
from recsys_lab.experiments.drift.worlds import World, world
from recsys_lab.recommend.item_neighbours import ItemNeighbours

CEILING = 8.0
"""Bits of surprise that count as 1."""

LIST = 10


@dataclass(frozen=True, eq=False)
class Signal:
    """Values of a signal, 0 to 1, with the offsets of the events that they are about; and the truth.

    begins, ends: offsets between which the world drifts, as in `World`; events: length of the log.
    """

    kind: str
    offsets: NDArray[np.int64]
    values: NDArray[np.float64]
    begins: int
    ends: int
    events: int


@lru_cache(maxsize=64)
def surprise(kind: str, seed: int = 0) -> Signal:
    """At each view: how surprising its category is for this user (`Tastes`, test then learn), 8 bits and more being 1.

    kind, seed: of the world, see `worlds.world`.
    """
    there = world(kind, seed)
    tastes = Tastes()
    offsets, values = [], []
    for offset, user_id, _, category, at, _ in _views(there):
        offsets.append(offset)
        values.append(min(1.0, tastes.surprise(user_id, category, at) / CEILING))
        tastes.observe(user_id, category, at)
    return _signal(there, offsets, values)


def recommender_errors(kind: str, seed: int = 0, *, every: int = 4, skip: int = 0) -> dict[str, Signal]:
    """Three signals of the lab's default recommender, asked for ten items before views of items new to the user.

    `miss`: the item viewed was not among the ten. `miss, first of a visit`: the same, only for the item that opens a
    visit. `other category, first of a visit`: share of the ten that are of another category than that item.
    every: besides first items every so many views are asked. skip: offset before which nothing is asked, only learned.
    """
    there = world(kind, seed)
    model, seen, visit = ItemNeighbours(), dict[str, set[str]](), dict[str, str]()
    category_of = dict(zip(there.events["item_id"], there.events["category"], strict=True))
    names = ("miss", "miss, first of a visit", "other category, first of a visit")
    found: dict[str, tuple[list[int], list[float]]] = {name: ([], []) for name in names}

    def note(name: str, offset: int, value: float) -> None:
        found[name][0].append(offset)
        found[name][1].append(value)

    for number, (offset, user_id, item_id, category, at, session_id) in enumerate(_views(there)):
        first = visit.get(user_id) != session_id
        visit[user_id] = session_id
        has = seen.setdefault(user_id, set())
        if offset >= skip and item_id not in has and (first or number % every == 0):
            shown = [shown_id for shown_id, _ in model.recommend(user_id, LIST, at=at, exclude=has)]
            missed = float(item_id not in shown)
            if number % every == 0:
                note("miss", offset, missed)
            if first and shown:
                note("miss, first of a visit", offset, missed)
                others = sum(category_of[shown_id] != category for shown_id in shown)
                note("other category, first of a visit", offset, others / len(shown))
        model.observe(user_id, item_id, 0.2, at)
        has.add(item_id)
    return {name: _signal(there, *columns) for name, columns in found.items()}


def _signal(there: World, offsets: list[int], values: list[float]) -> Signal:
    return Signal(there.kind, np.array(offsets), np.array(values), there.begins, there.ends, len(there.events))


def _views(there: World) -> Iterator[tuple[int, str, str, str, datetime, str]]:
    """(offset, user, item, category, time, session) of each view."""
    views = there.events[there.events["interaction_type"] == "view"]
    times = [moment.to_pydatetime() for moment in views["timestamp"]]
    columns = (views[name] for name in ("user_id", "item_id", "category"))
    return zip(views.index.tolist(), *columns, times, views["session_id"], strict=True)
