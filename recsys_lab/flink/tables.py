"""Tables: all state of an operator, as plain values that remember which of them changed.

A table maps (namespace, key) to a value: the accumulators of a window, the timers due at a time, the entries
of a named state. Whoever changes a value tells the table, so that a checkpoint writes only what changed since
the one before; a checkpoint of a job with 100,000 keys is as cheap as the records since the last one.
(Apache Flink's RocksDB and changelog backends rest on the same idea.)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from recsys_lab.flink.codec import decode_column, encode_column

_MOST_LISTS = 256


class Table:
    """Values by namespace and key, in order of insertion.

    ordered: whether that order is part of the state, as for timers; then a key that is removed and comes
    back stands at the end after a restore too. types: classes that values may have beside plain ones.
    """

    def __init__(self, *, ordered: bool = True, types: Sequence[type] = ()) -> None:
        self.data: dict[Any, dict[Any, Any]] = {}
        self.types = tuple(types)
        self._ordered = ordered
        self._touched: dict[Any, list[Sequence[Any]]] = {}
        self._anew: dict[Any, None] = {}  # namespaces whose earlier content is void

    def __len__(self) -> int:
        return sum(map(len, self.data.values()))

    def put(self, namespace: Any, key: Any, value: Any) -> None:
        """Set a value."""
        entries = self.data.get(namespace)
        if entries is None:
            entries = self.data[namespace] = {}
        entries[key] = value
        self.touch(namespace, (key,))

    def touch(self, namespace: Any, keys: Sequence[Any]) -> None:
        """Say that the values of these keys may have changed; keys that aren't there do no harm."""
        if namespace in self._anew:
            return
        touched = self._touched.get(namespace)
        if touched is None:
            self._touched[namespace] = [keys]
        else:
            touched.append(keys)
            if len(touched) > _MOST_LISTS:
                self._touched[namespace] = [list(dict.fromkeys(chain.from_iterable(touched)))]

    def remove(self, namespace: Any, key: Any) -> None:
        """Forget a value, if it is there; a namespace without values goes too."""
        entries = self.data.get(namespace)
        if entries is None or key not in entries:
            return
        del entries[key]
        if not entries:
            del self.data[namespace]
        if self._ordered or not entries:
            self._anew[namespace] = None
            self._touched.pop(namespace, None)
        else:
            self.touch(namespace, (key,))

    def drop(self, namespace: Any) -> dict[Any, Any]:
        """Forget a namespace; gives what it held."""
        self._anew[namespace] = None
        self._touched.pop(namespace, None)
        return self.data.pop(namespace, {})

    def changes(self) -> int:
        """About how many values changed since the last snapshot."""
        anew = sum(len(self.data.get(namespace, ())) + 1 for namespace in self._anew)
        return anew + sum(len(keys) for lists in self._touched.values() for keys in lists)

    def snapshot(self, full: bool) -> list[Any]:
        """What changed since the last snapshot, or everything, as plain data; from here on changes count anew."""
        if full:
            changed = {namespace: list(entries) for namespace, entries in self.data.items()}
        else:
            changed = {name: list(dict.fromkeys(chain.from_iterable(lists))) for name, lists in self._touched.items()}
            changed.update((name, list(self.data[name])) for name in self._anew if name in self.data)
        saved = []
        for namespace, keys in changed.items():
            entries = self.data.get(namespace, {})
            there = keys if full else list(filter(entries.__contains__, keys))
            gone = [] if self._ordered or len(there) == len(keys) else [key for key in keys if key not in entries]
            values = list(map(entries.__getitem__, there))
            saved.append([encode_column(there), encode_column(values, self.types), encode_column(gone)])
        anew = [] if full else list(self._anew)
        self.forget_changes()
        return [full, encode_column(anew), encode_column(list(changed)), saved]

    def forget_changes(self) -> None:
        """Count changes from here on."""
        self._touched = {}
        self._anew = {}

    def apply(self, snapshot: list[Any]) -> None:
        """Take in what `snapshot` gave: all of it, or the changes on top of what is here."""
        full, anew, namespaces, saved = snapshot
        if full:
            self.data = {}
        for namespace in decode_column(anew):
            self.data.pop(namespace, None)
        for namespace, (keys, values, gone) in zip(decode_column(namespaces), saved, strict=True):
            entries = self.data.setdefault(namespace, {})
            entries.update(zip(decode_column(keys), decode_column(values, self.types), strict=True))
            for key in decode_column(gone):
                entries.pop(key, None)
            if not entries:
                del self.data[namespace]

