"""The recommendation cache: an answer may be served again until it is too old, or known to be wrong.

An answer is stored under everything it depends on: user, number, context and filters. So it must also be
found by less than its whole key. An interaction drops all answers of that user, an item update all that
contain the item; two indexes find them. (The textbook keys by `user:n`, drops `user`, and never drops
anything.)

A miss has a cause: the answer was never asked for (cold), grew too old (expired), was dropped (invalidated)
or had to make room (evicted). Which one says whether a longer time to live or a larger cache would help.

    >>> from datetime import datetime, timezone
    >>> cache = RecommendationCache(timer=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))
    >>> cache.put("ann", 2, {}, {}, ("lamp", "desk"), ["lamp", "desk"])
    >>> cache.get("ann", 2, {}, {})
    ('lamp', 'desk')
    >>> cache.invalidate_item("desk"), cache.get("ann", 2, {}, {}), cache.miss_causes()["invalidated"]
    (1, None, 1)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, NamedTuple

from cachetools import TLRUCache

from recsys_lab.checks import refuse

Departure = Literal["expired", "invalidated", "evicted"]


class RecommendationCache:
    """Answers by user, number, context and filters; the least recently used one makes room for a new one.

    ttl: how long an answer may be served; at exactly this age it has expired, so 0 serves nothing twice.
    max_entries: most answers held. timer: tells the time, such as `clock.now`; should it ever step back, the
    cache waits for it. Raises InvalidEvent for a negative ttl and for max_entries below 1.

    Every call costs O(answers dropped × items in each), and O(1) when none is. Memory: `max_entries` answers,
    their items in the index, and the keys of as many answers that are gone, with the reason why.
    Not safe to share between threads without a lock.
    """

    def __init__(
        self, ttl: timedelta = timedelta(minutes=5), max_entries: int = 100_000, *, timer: Callable[[], datetime]
    ) -> None:
        if ttl < timedelta(0):
            refuse("ttl", ttl, "a duration from 0 (nothing is served twice) is needed.")
        if max_entries < 1:
            refuse("max_entries", max_entries, "1 or more is needed. To switch the cache off, set ttl to 0.")
        self._timer = timer
        self._latest: datetime | None = None
        self._ttl = ttl
        self._entries: TLRUCache[_Key, _Entry] = TLRUCache(
            max_entries,
            lambda key, entry, now: entry.expires,  # type: ignore[arg-type, return-value]
            timer=self._now,  # type: ignore[arg-type]  # any ordered time will do, says its documentation
        )
        self._of_user: _Index = {}
        self._with_item: _Index = {}
        self._departed: dict[_Key, Departure] = {}  # oldest first
        self._departures: dict[Departure, int] = {"expired": 0, "invalidated": 0, "evicted": 0}
        self._misses: dict[str, int] = {"cold": 0, "expired": 0, "invalidated": 0, "evicted": 0}
        self._hits = 0

    def __len__(self) -> int:
        """How many answers could be served now."""
        self._drop_expired()
        return len(self._entries)

    @property
    def max_entries(self) -> int:
        """Most answers held."""
        return int(self._entries.maxsize)

    def get(
        self, user_id: str, n: int, context: Mapping[str, Any], filters: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        """The answer stored under this key, or None; counts a hit or a miss.

        The order of keys in context and filters does not matter. Raises InvalidEvent when they are not JSON.
        """
        key = _key(user_id, n, context, filters)
        with self._entries.timer:
            self._drop_expired()
            entry = self._entries.get(key)
        if entry is None:
            self._misses[self._departed.get(key, "cold")] += 1
            return None
        self._hits += 1
        return entry.value

    def put(
        self,
        user_id: str,
        n: int,
        context: Mapping[str, Any],
        filters: Mapping[str, Any],
        value: Iterable[Any],
        item_ids: Iterable[str],
        *,
        computed: datetime | None = None,
    ) -> None:
        """Store an answer, in place of one under the same key.

        value: what `get` will give, kept as a tuple; its elements should be immutable, as all callers share
        them. item_ids: the items whose update makes the answer wrong. computed: from when on it ages; from now,
        by default. One that has expired already is counted, and not stored.
        """
        key = _key(user_id, n, context, filters)
        with self._entries.timer:
            self._drop_expired()
            now = self._now()
            entry = _Entry(tuple(value), tuple(dict.fromkeys(item_ids)), _later(computed or now, self._ttl))
            if key in self._entries:
                self._unindex(key, self._entries.pop(key))
            if entry.expires <= now:
                self._book(key, "expired")
                return
            if len(self._entries) == self._entries.maxsize:
                self._gone(*self._entries.popitem(), "evicted")
            self._entries[key] = entry
        self._departed.pop(key, None)
        _add(self._of_user, user_id, key)
        for item_id in entry.item_ids:
            _add(self._with_item, item_id, key)

    def invalidate_user(self, user_id: str) -> int:
        """Drop all answers given to the user; returns how many."""
        return self._invalidate(self._of_user, user_id)

    def invalidate_item(self, item_id: str) -> int:
        """Drop all answers that contain the item; returns how many."""
        return self._invalidate(self._with_item, item_id)

    def stats(self) -> dict[str, int]:
        """Hits, misses, expirations, invalidations, evictions so far, and the size now.

        What was put is still there, or was replaced, or is counted in one of the three.
        """
        size = len(self)
        return {
            "hits": self._hits,
            "misses": sum(self._misses.values()),
            "expirations": self._departures["expired"],
            "invalidations": self._departures["invalidated"],
            "evictions": self._departures["evicted"],
            "size": size,
        }

    def miss_causes(self) -> dict[str, int]:
        """Misses so far by cause: cold, expired, invalidated, evicted; they add up to `stats()["misses"]`.

        A key whose departure lies more than `max_entries` departures back counts as cold.
        """
        return dict(self._misses)

    def clear(self) -> None:
        """Drop all answers; they count as invalidated."""
        with self._entries.timer:
            self._drop_expired()
            for key in list(self._entries):
                self._gone(key, self._entries.pop(key), "invalidated")

    def _now(self) -> datetime:
        """The time; never earlier than it was, so that what has expired stays so."""
        now = self._timer()
        if self._latest is None or now > self._latest:
            self._latest = now
        return self._latest

    def _drop_expired(self) -> None:
        for key, entry in self._entries.expire():
            self._gone(key, entry, "expired")

    def _invalidate(self, index: _Index, name: str) -> int:
        if name not in index:
            return 0
        with self._entries.timer:
            self._drop_expired()
            keys = list(index.get(name, ()))
            for key in keys:
                self._gone(key, self._entries.pop(key), "invalidated")
        return len(keys)

    def _gone(self, key: _Key, entry: _Entry, why: Departure) -> None:
        """Book an entry that has left: out of the indexes, counted, and the reason kept for a while."""
        self._unindex(key, entry)
        self._book(key, why)

    def _book(self, key: _Key, why: Departure) -> None:
        self._departures[why] += 1
        self._departed.pop(key, None)
        self._departed[key] = why
        if len(self._departed) > self._entries.maxsize:
            del self._departed[next(iter(self._departed))]

    def _unindex(self, key: _Key, entry: _Entry) -> None:
        _remove(self._of_user, key.user_id, key)
        for item_id in entry.item_ids:
            _remove(self._with_item, item_id, key)


class _Key(NamedTuple):
    user_id: str
    n: int
    context: str
    filters: str


class _Entry(NamedTuple):
    value: tuple[Any, ...]
    item_ids: tuple[str, ...]
    expires: datetime


_Index = dict[str, dict[_Key, None]]
"""Name → keys, in the order they came: unlike in a set, the same on every run."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _key(user_id: str, n: int, context: Mapping[str, Any], filters: Mapping[str, Any]) -> _Key:
    try:
        return _Key(user_id, n, _canonical(context), _canonical(filters))
    except (TypeError, ValueError, RecursionError) as error:
        refuse("context or filters", (context, filters), f"JSON is needed ({error}).")


def _later(time: datetime, duration: timedelta) -> datetime:
    """That much later, or at the end of all time."""
    try:
        return time + duration
    except OverflowError:
        return datetime.max.replace(tzinfo=timezone.utc)


def _add(index: _Index, name: str, key: _Key) -> None:
    index.setdefault(name, {})[key] = None


def _remove(index: _Index, name: str, key: _Key) -> None:
    keys = index[name]
    del keys[key]
    if not keys:
        del index[name]
