"""The feature store: real-time features, read as of a time.

A model is trained on the past and serves the present. It works only if both see their features the same way:
a vector **as of t** holds what was known just before t, that is, the events with timestamp < t (a window is
[t - window, t)). So an event never counts itself, nor another event of the same instant, in whatever order
they came; nothing from the future leaks in; and a table computed a year later for training equals, row by
row, the vectors that were served at the time.

Costs. An update in time order is O(1) amortised for each definition, a late one costs its displacement; a
vector is O(log n). Memory is bounded by `retention`, the time the store can look back: an event older than
that (against the latest one) is ignored and counted in `too_late`, a read older than that is refused. A key
goes when nothing of it can be seen any more; of each item whose category came with events, the last category
stays. One thread at a time may use a store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pandas as pd

from recsys_lab import checks
from recsys_lab.errors import LabError
from recsys_lab.events import UserInteractionEvent
from recsys_lab.features.definitions import MICROSECOND, DecayedRate, Definition, Key, names
from recsys_lab.features.history import CategoryHistory, History, exact
from recsys_lab.profiles import categories, told_categories

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NOTHING = History()
LARGEST_VALUE = 1e15

KeyValue = str | tuple[str, str]


class Lookup(NamedTuple):
    """One question to the store: the features of this pair as of that time."""

    user_id: str
    item_id: str
    as_of: datetime


class FeatureStore:
    """Folds events into features, and reads them as of a time.

    definitions: see `recsys_lab.features.definitions`. item_features: item id → features; its "category" is
    the item's at all times, and what it lacks is taken from the events' `data` or `context`. An item of
    several categories counts in its first. retention: how far back reads and late events may reach.

    >>> from datetime import datetime, timedelta, timezone
    >>> from recsys_lab.features.definitions import Count
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    >>> store = FeatureStore([Count("user", timedelta(hours=1), "click")])
    >>> store.update(UserInteractionEvent(
    ...     event_id="1", timestamp=noon, user_id="ann", item_id="lamp", interaction_type="click"))
    >>> store.vector("ann", "sofa", noon), store.vector("ann", "sofa", noon + timedelta(minutes=1))
    ({'user_clicks_1h': 0.0}, {'user_clicks_1h': 1.0})
    """

    def __init__(
        self,
        definitions: Sequence[Definition],
        *,
        item_features: Mapping[str, Mapping[str, Any]] | None = None,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        """Raises InvalidEvent for two definitions of one name, or a negative retention."""
        self.definitions = tuple(definitions)
        self.names = names(self.definitions)
        if retention < timedelta(0):
            checks.refuse("retention", retention, "a duration of zero or more is needed.")
        self.retention = retention
        self.too_late = 0
        self._item_features = item_features if item_features is not None else {}
        self._groups = _grouped(self.definitions)
        self._plan = [(d.name, self._groups[d.key, d.interaction_type], d) for d in self.definitions]
        self._category_of: dict[str, CategoryHistory] = {}
        self._latest: int | None = None

    def update(self, event: UserInteractionEvent) -> None:
        """Take in one event, in any order; one older than the retention only counts in `too_late`.

        Raises InvalidEvent for a value beyond 1e15, TypeError for any other kind of event.
        """
        if not isinstance(event, UserInteractionEvent):
            raise TypeError(f"a UserInteractionEvent is needed, not a {type(event).__name__}; filter first")
        if abs(event.interaction_value) > LARGEST_VALUE:
            checks.refuse("interaction_value", event.interaction_value, "at most 1e15 fits.")
        time = _microseconds(event.timestamp)
        if self._latest is None or time > self._latest:
            self._latest = time
        oldest = self._latest - self.retention // MICROSECOND
        if time < oldest:
            self.too_late += 1
            return
        keys = _keys(event.user_id, event.item_id, self._learn_category(event, time, oldest))
        amount = exact(event.interaction_value)
        for group in self._groups.values():
            key = keys[group.key]
            if key is not None and group.interaction_type in (None, event.interaction_type):
                group.add(key, time, amount, oldest)

    def vector(self, user_id: str, item_id: str, as_of: datetime) -> dict[str, float]:
        """Every feature of this user and item, by name, seeing only events strictly before `as_of`.

        Who or what is unknown reads as if it never did anything. Raises LabError when `as_of` is older than
        the retention, InvalidEvent when it has no offset from UTC.
        """
        at = _microseconds(checks.moment("as_of", as_of))
        if self._latest is not None and at < self._latest - self.retention // MICROSECOND:
            raise LabError(
                f"as_of is {as_of.isoformat()}; this store remembers back to {self.oldest_as_of}"
                f" (retention {self.retention}). Ask for a later time, or build it with a longer retention."
            )
        keys = _keys(user_id, item_id, self._category_as_of(item_id, at))
        return {
            name: definition.read(group.histories.get(keys[group.key], NOTHING), at)
            for name, group, definition in self._plan
        }

    def training_table(
        self, events: Iterable[UserInteractionEvent], lookups: Iterable[Lookup] | None = None
    ) -> pd.DataFrame:
        """What `vector` would have answered at each moment, had every event come in time.

        events: the log, in any order. lookups: what to ask (as for items that were shown and not taken); by
        default each event's own user, item and time. Gives one row for each lookup, in their order: user_id,
        item_id, as_of, and a column for each feature. The store itself is neither read nor changed.
        """
        log = list(events)
        asked = [Lookup(e.user_id, e.item_id, e.timestamp) for e in log] if lookups is None else list(lookups)
        log.sort(key=lambda event: event.timestamp)
        # Both run forward in time, so there is never a need to look back.
        store = FeatureStore(self.definitions, item_features=self._item_features, retention=timedelta(0))
        vectors: list[dict[str, float]] = [{}] * len(asked)
        known = 0
        for row in sorted(range(len(asked)), key=lambda row: asked[row].as_of):
            while known < len(log) and log[known].timestamp < asked[row].as_of:
                store.update(log[known])
                known += 1
            vectors[row] = store.vector(*asked[row])
        return pd.DataFrame(
            {
                "user_id": [lookup.user_id for lookup in asked],
                "item_id": [lookup.item_id for lookup in asked],
                "as_of": pd.to_datetime([lookup.as_of for lookup in asked], utc=True),
                **{name: pd.Series([vector[name] for vector in vectors], dtype=float) for name in self.names},
            }
        )

    @property
    def oldest_as_of(self) -> datetime | None:
        """The earliest time that can still be asked for; None while any can, before the first event."""
        return None if self._latest is None else EPOCH + self._latest * MICROSECOND - self.retention

    @property
    def size(self) -> int:
        """Entries held, over all keys: what memory is proportional to."""
        return sum(len(h.times) for group in self._groups.values() for h in group.histories.values())

    def _learn_category(self, event: UserInteractionEvent, time: int, oldest: int) -> str | None:
        category = self._fixed_category(event.item_id)
        if category is not None:
            return category
        found = told_categories(event)
        if not found:
            return None
        said = self._category_of.setdefault(event.item_id, CategoryHistory())
        said.add(time, found[0])
        said.forget(oldest)
        return found[0]

    def _category_as_of(self, item_id: str, at: int) -> str | None:
        category = self._fixed_category(item_id)
        if category is None and item_id in self._category_of:
            return self._category_of[item_id].as_of(at)
        return category

    def _fixed_category(self, item_id: str) -> str | None:
        found = categories(self._item_features.get(item_id, {}).get("category"))
        return found[0] if found else None


class _Group:
    """The histories that definitions of one key and interaction type share."""

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self.key: Key = definitions[0].key
        self.interaction_type = definitions[0].interaction_type
        self.histories: OrderedDict[KeyValue | None, History] = OrderedDict()  # least recently updated first
        self._half_lives = [d.half_life // MICROSECOND for d in definitions if isinstance(d, DecayedRate)]
        self._lookback = max(d.lookback for d in definitions) // MICROSECOND
        self._horizon = max(d.horizon for d in definitions) // MICROSECOND

    def add(self, key: KeyValue, time: int, amount: int, oldest: int) -> None:
        """oldest: the earliest time that may still be asked for."""
        history = self.histories.get(key)
        if history is None:
            history = self.histories[key] = History(self._half_lives)
        history.add(time, amount)
        history.forget(oldest - self._lookback)
        self.histories.move_to_end(key)
        while next(iter(self.histories.values())).times[-1] < oldest - self._horizon:
            self.histories.popitem(last=False)


def _grouped(definitions: Sequence[Definition]) -> dict[tuple[Key, str | None], _Group]:
    members: dict[tuple[Key, str | None], list[Definition]] = {}
    for definition in definitions:
        members.setdefault((definition.key, definition.interaction_type), []).append(definition)
    return {shared: _Group(group) for shared, group in members.items()}


def _keys(user_id: str, item_id: str, category: str | None) -> dict[Key, KeyValue | None]:
    return {
        "user": user_id,
        "item": item_id,
        "category": category,
        "user_item": (user_id, item_id),
        "user_category": None if category is None else (user_id, category),
    }


def _microseconds(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND
