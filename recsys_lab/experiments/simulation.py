"""A simulated shop: interactions whose truth is known, for experiments that real data cannot answer.

Users come in sessions (a Poisson process with a daily rhythm), browse with momentum (mostly on in the same
category, often on in the same series of items), open what appeals to them on a shelf of popular items, and
then view → click → purchase → rating, each step the likelier the more they like the item.
`Interactions.truth` knows those probabilities, and `drift` changes the world on the way.

Everything is drawn from `seed`: one call, one result, byte for byte. Each part of the world has a stream of
random numbers of its own, so that with and without a drift the same users come at the same times, and all is
the same until the drift begins: a difference afterwards is the drift's doing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.experiments.drifts import Days, Drift, Season
from recsys_lab.experiments.truth import CATEGORIES, SERIES, Floats, Ints, Truth, draw_truth, in_series, random_stream
from recsys_lab.interactions import in_time_order

MAX_DELAY = timedelta(minutes=10)

_SESSIONS_A_DAY = 0.6  # of the average user
_MAX_VIEWS = 12  # in a session; with 5 minutes each at most, it lasts an hour at most
_PAUSE_MS = 90 * 60_000  # between the starts of a user's sessions, so at least half an hour of rest
_SHELF = 10  # items that a user chooses from
_STAY, _FOLLOW = 0.7, 0.4  # chance to go on in the same category; and then, in the same series
_BY_HOUR = np.array([1, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 7, 8, 7, 6, 6, 6, 7, 9, 11, 12, 11, 7, 3]) / 133
_DAY_MS = 86_400_000

_STAGES = ("view", "click", "purchase", "rating")
_MOMENTS = (0.0, 0.2, 0.5, 0.8)  # when each comes, within the time spent on the item


@dataclass(frozen=True, eq=False)
class Interactions:
    """What happened, in which order the shop heard of it, and what the users wanted.

    events: the columns of `interactions.COLUMNS`, in the order in which things happened.
    arrivals: the same rows in the order in which they reach the shop, with `arrived_at`; the row number is
        the offset in its log. Most arrive within seconds, one in ten as late as `max_delay`.
    truth: what each user would have liked at each time.
    """

    events: pd.DataFrame = field(repr=False)
    arrivals: pd.DataFrame = field(repr=False)
    truth: Truth
    max_delay: timedelta = MAX_DELAY


def simulate(
    users: int = 1_000, items: int = 5_000, days: int = 30, *, drift: tuple[Drift, ...] = (), seed: int = 0
) -> Interactions:
    """Interactions of `users` with `items` over `days` from START on, and their truth.

    users, items, days: how many, from 1 up. Every user comes at least once.
    drift: AbruptDrift, GradualDrift, Season, NewItems, in any number; their moments lie within the days.
    seed: from 0 up; the same arguments give the same bytes.

    `interaction_value` is 1.0, or the stars of a rating, 1 to 5. In its session, a click comes after a view
    of the item, a purchase after a click, a rating after a purchase.
    Raises InvalidEvent naming the parameter that cannot be used.
    """
    for name, number, least in (("users", users, 1), ("items", items, 1), ("days", days, 1), ("seed", seed, 0)):
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise InvalidEvent(f"{name} is {shorten(number)}; a whole number from {least} up is needed")
    _check_drift(drift, CATEGORIES[:items], days)

    truth = draw_truth(users, items, drift, seed)
    visits = _visits(users, days, random_stream(seed, "visits"))
    views = _browse(truth, visits, random_stream(seed, "browsing"))
    events = _events(truth, visits, views, days)
    return Interactions(events, _arrivals(events, random_stream(seed, "arrivals")), truth)


def _check_drift(drift: object, categories: tuple[str, ...], days: int) -> None:
    if not isinstance(drift, tuple) or not all(isinstance(part, Drift) for part in drift):
        raise InvalidEvent(
            f"drift is {shorten(drift)}; a tuple of AbruptDrift, GradualDrift, Season, NewItems is needed, "
            "such as drift=(AbruptDrift(at=timedelta(days=10)),)"
        )
    for part in drift:
        if isinstance(part, Season) and part.category not in categories:
            raise InvalidEvent(f"drift has {part}; its category must be one of {', '.join(categories)}")
        if not isinstance(part, Season) and max(part.moments()) > timedelta(days=days):
            raise InvalidEvent(f"drift has {part}, beyond the {days} days of the simulation; simulate more days")


@dataclass(frozen=True, eq=False)
class _Visits:
    """One row a session, by user and time; a column for each item that may be looked at in it."""

    user: Ints
    length: Ints  # how many items are looked at
    begins_ms: Ints  # sessions × _MAX_VIEWS, since the start
    stays_ms: Ints  # sessions × _MAX_VIEWS


def _visits(users: int, days: int, rng: np.random.Generator) -> _Visits:
    """When users come and for how long: whatever they like, and whatever drifts."""
    rate = _SESSIONS_A_DAY * rng.gamma(2.0, 0.5, users)
    count = np.maximum(1, rng.poisson(rate * days))
    user = np.repeat(np.arange(users), count)
    hour = rng.choice(24, len(user), p=_BY_HOUR) + rng.random(len(user))
    start = rng.integers(0, days, len(user)) * _DAY_MS + (hour * 3_600_000).astype(np.int64)
    length = np.minimum(rng.geometric(0.2, len(user)), _MAX_VIEWS)
    stays = 20_000 + np.minimum(rng.exponential(60_000, (len(user), _MAX_VIEWS)), 280_000).astype(np.int64)
    begins = start[:, np.newaxis] + np.cumsum(stays, axis=1) - stays

    order = np.lexsort((start, user))
    too_soon = (np.diff(user[order]) == 0) & (np.diff(start[order]) < _PAUSE_MS)
    kept = order[np.concatenate([[True], ~too_soon])]
    return _Visits(user[kept], length[kept], begins[kept], stays[kept])


@dataclass(frozen=True, eq=False)
class _Views:
    """One row for each item looked at."""

    visit: Ints
    item: Ints
    begins_ms: Ints
    stays_ms: Ints
    reached: Ints  # the last of _STAGES that it came to
    stars: Ints  # of the rating, if it came to that


def _browse(truth: Truth, visits: _Visits, rng: np.random.Generator) -> _Views:
    """All sessions at once, one item after the other."""
    category = np.zeros(len(visits.user), dtype=np.int64)
    item = np.zeros(len(visits.user), dtype=np.int64)
    views = []
    for step in range(_MAX_VIEWS):
        chance, shelf, whim, star = np.split(  # drawn for all, so that no one's draws depend on others
            rng.random((len(visits.user), 7 + 2 * _SHELF + 4)), [7, 7 + _SHELF, 7 + 2 * _SHELF], axis=1
        )
        here = np.flatnonzero(visits.length > step)
        chance, shelf, whim, star = chance[here], shelf[here], whim[here], star[here]
        user, days = visits.user[here], visits.begins_ms[here, step] / _DAY_MS

        sought = _pick(truth.preferences_of(user, days), chance[:, 0])
        stays = (chance[:, 1] < _STAY) & (step > 0)
        category[here] = np.where(stays, category[here], sought)
        shown = _shelf(truth, category[here], days, shelf)
        appeal = truth.appeal_of(user[:, np.newaxis], shown) - np.log(-np.log(np.maximum(whim, 1e-300)))
        chosen = shown[np.arange(len(here)), appeal.argmax(axis=1)]  # the Gumbel-max rule: a softmax choice

        place = item[here] // len(truth.categories) + 1 + (chance[:, 3] * (len(SERIES) - 1)).astype(np.int64)
        next_in_series = in_series(item[here], len(truth.categories), place % len(SERIES))
        exists = next_in_series < len(truth.item_ids)
        next_in_series = np.where(exists, next_in_series, 0)
        follows = stays & (chance[:, 2] < _FOLLOW) & exists & (truth.item_appears[next_in_series] <= days)
        item[here] = np.where(follows, next_in_series, chosen)

        liking = truth.liking_of(user, item[here], days)
        steps = chance[:, 4:] < np.stack([liking, 0.5 * liking, np.full(len(here), 0.4)], axis=1)
        reached = np.cumprod(steps, axis=1).sum(axis=1)
        stars = 1 + (star < liking[:, np.newaxis]).sum(axis=1)
        begins_ms, stays_ms = visits.begins_ms[here, step], visits.stays_ms[here, step]
        views.append((here, item[here], begins_ms, stays_ms, reached, stars))
    return _Views(*(np.concatenate(column) for column in zip(*views, strict=True)))


def _pick(shares: Floats, chance: Floats) -> Ints:
    """A column for each row, with the probabilities in the row."""
    passed = np.cumsum(shares, axis=1) <= chance[:, np.newaxis]
    column: Ints = np.minimum(passed.sum(axis=1), shares.shape[1] - 1)
    return column


def _shelf(truth: Truth, category: Ints, days: Days, chance: Floats) -> Ints:
    """Items of the category to choose from, by popularity, out of those that there are by then."""
    shown = np.empty(chance.shape, dtype=np.int64)
    moments = np.unique(truth.item_appears)
    era = np.searchsorted(moments, days, side="right") - 1
    for number, moment in enumerate(moments):
        rows = era == number
        there = np.flatnonzero(truth.item_appears <= moment)
        there = there[np.argsort(truth.item_category[there], kind="stable")]
        ends = np.concatenate([[0.0], np.cumsum(truth.item_popularity[there])])
        bounds = np.searchsorted(truth.item_category[there], np.arange(len(truth.categories) + 1))
        low, high = bounds[category[rows], np.newaxis], bounds[category[rows] + 1, np.newaxis]
        target = ends[low] + chance[rows] * (ends[high] - ends[low])
        position = np.searchsorted(ends, target, side="right") - 1
        shown[rows] = there[np.clip(position, low, high - 1)]
    return shown


def _events(truth: Truth, visits: _Visits, views: _Views, days: int) -> pd.DataFrame:
    stage = np.repeat(np.arange(len(_STAGES)), len(views.item))
    moment = np.concatenate([views.begins_ms + (part * views.stays_ms).astype(np.int64) for part in _MOMENTS])
    happened = (stage <= np.tile(views.reached, len(_STAGES))) & (moment < days * _DAY_MS)
    row = np.tile(np.arange(len(views.item)), len(_STAGES))
    order = np.lexsort((stage, views.visit[row], moment))
    order = order[happened[order]]
    stage, moment, row = stage[order], moment[order], row[order]
    item, visit = views.item[row], views.visit[row]
    size = len(truth.categories)
    number = np.arange(len(truth.item_ids)) // size
    names = [f"{truth.categories[i % size]} {n // 4 + 1}{SERIES[n % 4]}" for i, n in enumerate(number.tolist())]
    nth = np.arange(len(visits.user)) - np.searchsorted(visits.user, visits.user) + 1
    sessions = [f"{truth.user_ids[u]}-{n}" for u, n in zip(visits.user.tolist(), nth.tolist(), strict=True)]
    return in_time_order(
        pd.DataFrame(
            {
                "user_id": _texts(truth.user_ids)[visits.user[visit]],
                "item_id": _texts(truth.item_ids)[item],
                "interaction_type": _texts(_STAGES)[stage],
                "interaction_value": np.where(stage == _STAGES.index("rating"), views.stars[row], 1),
                "timestamp": pd.Timestamp(truth.start) + pd.to_timedelta(moment, unit="ms"),
                "session_id": _texts(sessions)[visit],
                "category": _texts(truth.categories)[truth.item_category[item]],
                "description": _texts(names)[item],
            }
        )
    )


def _texts(texts: tuple[str, ...] | list[str]) -> NDArray[np.object_]:
    return np.array(texts, dtype=object)


def _arrivals(events: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    chance = rng.random((len(events), 2))
    longest_ms = MAX_DELAY / timedelta(milliseconds=1)
    soon_ms = np.minimum(-np.log1p(-chance[:, 1]) * 1_000, longest_ms)
    delay_ms = np.where(chance[:, 0] < 0.1, chance[:, 1] * longest_ms, soon_ms).astype(np.int64)
    arrived_at = (events["timestamp"] + pd.to_timedelta(delay_ms, unit="ms")).astype("datetime64[us, UTC]")
    return events.assign(arrived_at=arrived_at).sort_values("arrived_at", kind="stable", ignore_index=True)
