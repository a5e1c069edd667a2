"""The truth of a simulation: what each user would have liked, at each time.

Nobody knows this about real shoppers; here it can be asked, so that a recommender is judged against what
the user wanted and not only against what the user happened to find. The model, all of it:

- A user seeks categories with shares (`preferences`), and has a taste in DIMENSIONS hidden directions.
- An item has a category, a style in the same directions, and a quality. Items come in series of four (lamp 7a
  to 7d) of nearly the same style.
- The liking of a user for an item is the logistic of what the category is worth to the user now, of how
  well taste and style agree (their inner product), and of the quality. It is the probability that the user,
  seeing the item, clicks on it.

Drift moves the preferences, and the liking with them; tastes and styles stay.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.experiments.drifts import DAY, Days, Drift, NewItems, Season

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
CATEGORIES = ("bag", "basket", "bowl", "candle", "card", "clock", "cushion", "frame", "lamp", "mug", "rug", "toy")
SERIES = "abcd"  # lamp 7a to lamp 7d: alike in style, looked at together
DIMENSIONS = 8

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Truth:
    """What the simulated users want, and what there is to want.

    Arrays are by user number or item number; the ids say which is which. All times are aware UTC.
    """

    start: datetime
    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    categories: tuple[str, ...]
    item_category: Ints  # by item: a position in `categories`
    item_appears: Days  # by item: days since the start
    item_style: Floats  # items × DIMENSIONS
    item_quality: Floats  # by item
    item_popularity: Floats  # by item: how often the shop shows it, beside others of its category
    user_taste: Floats  # users × DIMENSIONS
    tastes: tuple[tuple[Callable[[Days], Days], Floats], ...]  # how far each has come, and users × categories
    seasons: tuple[tuple[int, Callable[[Days], Days]], ...]  # a position in `categories`, and its boost

    def __repr__(self) -> str:
        return f"Truth({len(self.user_ids):,} users, {len(self.item_ids):,} items, from {self.start:%Y-%m-%d})"

    def preferences(self, user_id: str, at: datetime) -> pd.Series:
        """The share of each category in what the user seeks at that time; the shares sum to 1.

        Raises InvalidEvent for an unknown user, and for a time without offset.
        """
        shares = self.preferences_of(np.array([self._user(user_id)]), np.array([self._days(at)]))[0]
        return pd.Series(shares.round(9), index=list(self.categories), name=user_id)

    def liking(self, user_id: str, at: datetime) -> pd.Series:
        """The probability, 0 to 1, that the user clicks on an item when seeing it; for the items of then.

        Raises InvalidEvent as `preferences` does.
        """
        user, days = self._user(user_id), self._days(at)
        items = np.flatnonzero(self.item_appears <= days)
        probability = self.liking_of(np.full(len(items), user), items, np.full(len(items), days))
        return pd.Series(probability.round(9), index=[self.item_ids[item] for item in items.tolist()], name=user_id)

    def top(self, user_id: str, at: datetime, n: int) -> list[str]:
        """The n items that the user would like most at that time, best first; equals by id.

        Raises InvalidEvent as `preferences` does, and when n is below 1.
        """
        if n < 1:
            raise InvalidEvent(f"n is {shorten(n)}; at least 1 item must be asked for")
        liking = self.liking(user_id, at).items()
        return [str(item) for item, _ in sorted(liking, key=lambda pair: (-pair[1], pair[0]))[:n]]

    def preferences_of(self, users: Ints, days: Days) -> Floats:
        """`preferences` for many moments at once: rows × categories, for a user number and a time each."""
        shares = np.zeros((len(users), len(self.categories)))
        for progress, drawn in self.tastes:
            weight = progress(days)[:, np.newaxis]
            shares = (1.0 - weight) * shares + weight * drawn[users]
        for category, boost in self.seasons:
            shares[:, category] *= boost(days)
        total: Floats = shares.sum(axis=1, keepdims=True)
        return shares / total

    def liking_of(self, users: Ints, items: Ints, days: Days) -> Floats:
        """`liking` for many user, item and time triples at once."""
        share = self.preferences_of(users, days)[np.arange(len(users)), self.item_category[items]]
        worth = 0.6 * np.log(share * len(self.categories))
        probability: Floats = 1.0 / (1.0 + np.exp(1.5 - worth - self.appeal_of(users, items)))
        return probability

    def appeal_of(self, users: Ints, items: Ints) -> Floats:
        """How well items suit users, whatever is sought at the moment: about -3 to 3. Arrays of one shape."""
        agreement = np.einsum("...d,...d->...", self.user_taste[users], self.item_style[items])
        appeal: Floats = 1.1 * agreement / np.sqrt(DIMENSIONS) + 0.4 * self.item_quality[items]
        return appeal

    def _user(self, user_id: str) -> int:
        try:
            return self.user_ids.index(user_id)
        except ValueError:
            raise InvalidEvent(
                f"user_id is {shorten(user_id)}, whom this simulation does not know; "
                f"its users are {self.user_ids[0]} to {self.user_ids[-1]}"
            ) from None

    def _days(self, at: datetime) -> float:
        if not isinstance(at, datetime) or at.utcoffset() is None:
            raise InvalidEvent(f"at is {shorten(at)}; an aware time is needed: datetime(…, tzinfo=timezone.utc)")
        elapsed: timedelta = at - self.start
        return elapsed / DAY


def draw_truth(users: int, items: int, drift: tuple[Drift, ...], seed: int) -> Truth:
    """A world drawn from the seed. What a drift adds has random numbers of its own and changes no others."""
    categories = CATEGORIES[:items]
    rng = random_stream(seed, "users")
    taste = rng.standard_normal((users, DIMENSIONS))
    tastes: list[tuple[Callable[[Days], Days], Floats]] = [
        (_from_the_start, _draw_preferences(users, len(categories), rng))
    ]
    seasons = []
    batches = [(items, 0.0, random_stream(seed, "items"))]
    for number, part in enumerate(drift):
        rng = random_stream(seed, f"drift {number}")
        if isinstance(part, Season):
            seasons.append((categories.index(part.category), part.boost))
        elif isinstance(part, NewItems):
            batches.append((part.count, part.at / DAY, rng))
        else:
            tastes.append((part.progress, _draw_preferences(users, len(categories), rng)))

    own = np.concatenate([rng.standard_normal((count, DIMENSIONS)) for count, _, rng in batches])
    quality = np.concatenate([rng.standard_normal(count) for count, _, rng in batches])
    rank = np.concatenate([rng.integers(1, items, count, endpoint=True) for count, _, rng in batches])
    item = np.arange(len(own))
    first = in_series(item, len(categories), 0)
    return Truth(
        start=START,
        user_ids=tuple(f"user-{number:05d}" for number in range(1, users + 1)),
        item_ids=tuple(f"item-{number:05d}" for number in range(1, len(item) + 1)),
        categories=categories,
        item_category=item % len(categories),
        item_appears=np.concatenate([np.full(count, day) for count, day, _ in batches]),
        item_style=np.where((first == item)[:, np.newaxis], own, 0.9 * own[first] + 0.436 * own),
        item_quality=quality,
        item_popularity=rank**-0.8,  # Zipf's law, a little milder
        user_taste=taste,
        tastes=tuple(tastes),
        seasons=tuple(seasons),
    )


def random_stream(seed: int, part: str) -> np.random.Generator:
    """Random numbers for one part of a simulation, the same whatever the other parts draw."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(part.encode())]))


def in_series(item: Ints, categories: int, place: Ints | int) -> Ints:
    """The item at a place, 0 to 3, of an item's series. Items are dealt to the categories in turn."""
    number = item // categories
    return (number // len(SERIES) * len(SERIES) + place) * categories + item % categories


def _from_the_start(days: Days) -> Days:
    return np.ones_like(days)


def _draw_preferences(users: int, categories: int, rng: np.random.Generator) -> Floats:
    """Shares of the categories for each user: a fashion that all share, each in an own way (Dirichlet)."""
    fashion = rng.dirichlet(np.full(categories, 2.0))
    weights = rng.standard_gamma(6.0 * fashion + 0.05, (users, categories)) + 1e-9
    total: Floats = weights.sum(axis=1, keepdims=True)
    return 0.97 * weights / total + 0.03 / categories
