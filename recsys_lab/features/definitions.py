"""Features as values: what is counted, for whom, over how long.

A definition is a small frozen value. It names a key (whose events), an interaction type (which of them;
None: all), and a way to read a key's history as of a time. The offline training table and the online vector
both ask the same definition, so they cannot drift apart: that is the whole cure for train/serve skew.

    Count         events in the window [t - window, t)
    Sum           their summed interaction values
    DecayedRate   events per hour, recent ones weighing more: no edge where a window ends
    Recency       hours since the latest event, up to a cap
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol, get_args

from recsys_lab.checks import refuse
from recsys_lab.features.history import History

Key = Literal["user", "item", "category", "user_item", "user_category"]
"""Whose events: a user's, an item's, a category's, a user's with one item, a user's with one category."""

MICROSECOND = timedelta(microseconds=1)
HOUR_US = timedelta(hours=1) // MICROSECOND


class Definition(Protocol):
    """What the store needs to know of a feature; anything that fits may be given to it."""

    @property
    def key(self) -> Key: ...

    @property
    def interaction_type(self) -> str | None: ...

    @property
    def name(self) -> str:
        """The feature's name in tables and vectors."""

    @property
    def lookback(self) -> timedelta:
        """How far back single events are needed; zero when the running figures of the history do."""

    @property
    def horizon(self) -> timedelta:
        """After this long without an event the feature reads as if there had never been one."""

    def read(self, history: History, as_of: int) -> float:
        """The feature's value, seeing only what lies strictly before `as_of` (microseconds since 1970)."""


@dataclass(frozen=True, slots=True)
class _Windowed:
    """A feature of the events in the window [t - window, t)."""

    key: Key
    window: timedelta
    interaction_type: str | None = None

    def __post_init__(self) -> None:
        _check(self.key, window=self.window)

    @property
    def lookback(self) -> timedelta:
        return self.window

    @property
    def horizon(self) -> timedelta:
        return self.window


@dataclass(frozen=True, slots=True)
class Count(_Windowed):
    """Number of events in the window [t - window, t).

    >>> Count("user", timedelta(hours=1), "click").name
    'user_clicks_1h'
    """

    @property
    def name(self) -> str:
        return f"{self.key}_{self.interaction_type or 'event'}s_{_span(self.window)}"

    def read(self, history: History, as_of: int) -> float:
        return float(history.count(as_of - self.window // MICROSECOND, as_of))


@dataclass(frozen=True, slots=True)
class Sum(_Windowed):
    """Sum of `interaction_value` in the window [t - window, t), exact but for one final rounding.

    >>> Sum("user", timedelta(days=7), "purchase").name
    'user_purchase_value_7d'
    """

    @property
    def name(self) -> str:
        return f"{self.key}_{self.interaction_type or 'event'}_value_{_span(self.window)}"

    def read(self, history: History, as_of: int) -> float:
        return history.total(as_of - self.window // MICROSECOND, as_of)


@dataclass(frozen=True, slots=True)
class DecayedRate:
    """Events per hour, each event's weight halving every `half_life`; rounded to 9 decimals.

    The decayed count is multiplied by ln 2 / half-life, so that a key with a steady r events an hour reads r.

    >>> DecayedRate("item", timedelta(days=1)).name
    'item_event_rate_1d'
    """

    key: Key
    half_life: timedelta
    interaction_type: str | None = None

    def __post_init__(self) -> None:
        _check(self.key, half_life=self.half_life)

    @property
    def name(self) -> str:
        return f"{self.key}_{self.interaction_type or 'event'}_rate_{_span(self.half_life)}"

    @property
    def lookback(self) -> timedelta:
        return timedelta(0)

    @property
    def horizon(self) -> timedelta:
        """64 half-lives: even a billion events fade below the ninth decimal by then."""
        return 64 * self.half_life

    def read(self, history: History, as_of: int) -> float:
        half_life = self.half_life // MICROSECOND
        return round(history.decayed_count(half_life, as_of) * math.log(2) * HOUR_US / half_life, 9)


@dataclass(frozen=True, slots=True)
class Recency:
    """Hours since the latest event, at most `cap`; a key without events reads `cap`, never infinity.

    >>> Recency("user_item", timedelta(days=30), "view").name
    'user_item_hours_since_view'
    """

    key: Key
    cap: timedelta
    interaction_type: str | None = None

    def __post_init__(self) -> None:
        _check(self.key, cap=self.cap)

    @property
    def name(self) -> str:
        return f"{self.key}_hours_since_{self.interaction_type or 'event'}"

    @property
    def lookback(self) -> timedelta:
        return timedelta(0)

    @property
    def horizon(self) -> timedelta:
        return self.cap

    def read(self, history: History, as_of: int) -> float:
        last, cap = history.last_before(as_of), self.cap // MICROSECOND
        return (cap if last is None else min(as_of - last, cap)) / HOUR_US


def names(definitions: Sequence[Definition]) -> list[str]:
    """The features' names, in order. Raises InvalidEvent when two are the same."""
    found = [definition.name for definition in definitions]
    for position, name in enumerate(found):
        if name in found[:position]:
            refuse("definitions", name, "two have this name. Leave one of them out.")
    return found


def _check(key: str, **durations: timedelta) -> None:
    if key not in get_args(Key):
        refuse("key", key, f"one of {', '.join(get_args(Key))} is needed.")
    for field, duration in durations.items():
        if duration <= timedelta(0):
            refuse(field, duration, "a positive duration is needed.")


def _span(duration: timedelta) -> str:
    """A duration in the largest unit that divides it: 7d, 36h, 30m, 90s."""
    for letter, unit in (
        ("d", timedelta(days=1)),
        ("h", timedelta(hours=1)),
        ("m", timedelta(minutes=1)),
        ("s", timedelta(seconds=1)),
    ):
        if not duration % unit:
            return f"{duration // unit}{letter}"
    return f"{duration // MICROSECOND}us"


DEFAULT_FEATURES: tuple[Definition, ...] = (
    Count("user", timedelta(hours=1), "click"),
    Count("user", timedelta(days=1)),
    Sum("user", timedelta(days=7), "purchase"),
    Recency("user", timedelta(days=30)),
    Count("item", timedelta(days=1)),
    Count("item", timedelta(days=7), "purchase"),
    DecayedRate("item", timedelta(days=1)),
    DecayedRate("item", timedelta(days=7)),
    DecayedRate("category", timedelta(days=1)),
    Count("user_item", timedelta(days=7)),
    Recency("user_item", timedelta(days=30)),
    Count("user_category", timedelta(days=7)),
    DecayedRate("user_category", timedelta(days=7)),
)
"""What is busy now, who is active now, and what the two have had to do with each other."""
