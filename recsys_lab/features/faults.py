"""Two faults, made on purpose: features that saw the future, features that are served in another sense.

Nothing here is for use; it is for seeing what happens. Both faults are quiet: no error, no missing value, a
model that trains and answers. Only a comparison of the offline with the live score shows them.

- **A leak**: the training table is read as of too late a time (the nightly job joins "today's" features to
  today's clicks, or the whole log is aggregated first). Each row then holds its own outcome.
- **Skew**: the online side computes a feature of the same name in another way: it counts since midnight
  instead of over the last 24 hours, takes local time for UTC, or never gets the category.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import pandas as pd

from recsys_lab.events import UserInteractionEvent
from recsys_lab.features.definitions import MICROSECOND, Count, Definition, Key
from recsys_lab.features.history import History
from recsys_lab.features.store import FeatureStore, Lookup

DAY_US = timedelta(days=1) // MICROSECOND


def leaky_training_table(
    store: FeatureStore,
    events: Iterable[UserInteractionEvent],
    lookups: Iterable[Lookup],
    *,
    read_at: Callable[[datetime], datetime],
) -> pd.DataFrame:
    """`store.training_table`, but each lookup is read as of `read_at(its time)`, such as `end_of_day`."""
    later = [lookup._replace(as_of=read_at(lookup.as_of)) for lookup in lookups]
    return store.training_table(events, later)


def end_of_day(time: datetime) -> datetime:
    """The midnight (UTC) that ends the day."""
    return time.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def counting_since_midnight(definition: Definition) -> Definition:
    """The same feature by name; a count over 24 hours begins at midnight (UTC) instead."""
    if isinstance(definition, Count) and definition.window == timedelta(days=1):
        return _CountSinceMidnight(definition)
    return definition


def on_local_clock(offset: timedelta) -> Callable[[datetime], datetime]:
    """A clock on the wall: what it shows at a time (UTC), mistaken for UTC. offset: of local time."""
    return lambda time: time + offset


def without_category(event: UserInteractionEvent) -> UserInteractionEvent:
    """The event as a service sends it that was never told about categories."""
    return msgspec.structs.replace(event, data=_without(event.data), context=_without(event.context))


@dataclass(frozen=True)
class _CountSinceMidnight:
    honest: Count

    @property
    def key(self) -> Key:
        return self.honest.key

    @property
    def interaction_type(self) -> str | None:
        return self.honest.interaction_type

    @property
    def name(self) -> str:
        return self.honest.name

    @property
    def lookback(self) -> timedelta:
        return self.honest.lookback

    @property
    def horizon(self) -> timedelta:
        return self.honest.horizon

    def read(self, history: History, as_of: int) -> float:
        return float(history.count(as_of - as_of % DAY_US, as_of))


def _without(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name != "category"}
