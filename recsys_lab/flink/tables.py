"""Tables: all state of an operator, as plain values that remember which of them changed.

A table maps (namespace, key) to a value: the accumulators of a window, the timers due at a time, the entries
of a named state. Whoever changes a value tells the table, which logs it; a checkpoint writes the log, so that
it costs what the records since the last one cost, not what all state would. A namespace whose log outgrows it is
written anew instead. Values that change in bulk are encoded at once, while they are still in the processor's
cache: coming back to 10,000 of 100,000 later takes twice as long. (Apache Flink's changelog state backend
rests on the same idea.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys_lab.flink.codec import Column, decode_column, encode_column


class Table:
    """Values by namespace and key, in order of insertion.

    ordered: whether that order is part of the state, as for timers; then a key that is removed and comes
    back stands at the end after a restore too. types: classes that values may have beside plain ones.
    flat: whether values are known to be scalars, or tuples or lists of them: the sooner they are encoded.
    tracked: whether changes are logged; off where no checkpoint is ever taken.
    """

    def __init__(self, *, ordered: bool = True, types: Sequence[type] = (), flat: bool = False) -> None:
        self.data: dict[Any, dict[Any, Any]] = {}
        self.types = tuple(types)
        self.flat = flat
        self.tracked = True
        self._ordered = ordered
        self._logs: dict[Any, _Log] = {}
        self._anew: dict[Any, None] = {}  # namespaces whose earlier content is void

    def __len__(self) -> int:
        return sum(map(len, self.data.values()))

    def put(self, namespace: Any, key: Any, value: Any) -> None:
        """Set a value."""
        entries = self.data.get(namespace)
        if entries is None:
            entries = self.data[namespace] = {}
        entries[key] = value
        if self.will_log(namespace, 1):
            log = self._log(namespace)
            log.count += 1
            log.keys.append(key)
            log.values.append(value)
        elif self.tracked:
            self._write_anew(namespace)

    def will_log(self, namespace: Any, more: int) -> bool:
        """Whether so many further changes would be written one by one, and not the whole namespace anew."""
        if not self.tracked or namespace in self._anew:
            return False
        log = self._logs.get(namespace)
        return (0 if log is None else log.count) + more <= len(self.data.get(namespace, ()))

    def log(self, namespace: Any, keys: Sequence[Any], values: Sequence[Any]) -> None:
        """Say that these keys were set to these values, one after the other."""
        if self.will_log(namespace, len(keys)):
            log = self._log(namespace)
            log.count += len(keys)
            self._encode(log)
            log.encoded.append((encode_column(keys), encode_column(values, self.types, self.flat)))
        elif self.tracked:
            self._write_anew(namespace)

    def touch(self, namespace: Any, keys: Sequence[Any]) -> None:
        """Say that the values of these keys may have been set; keys that aren't there do no harm."""
        if self.will_log(namespace, len(keys)):
            entries = self.data[namespace]
            keys = list(filter(entries.__contains__, keys))
            self.log(namespace, keys, list(map(entries.__getitem__, keys)))
        elif self.tracked:
            self._write_anew(namespace)

    def remove(self, namespace: Any, key: Any) -> None:
        """Forget a value, if it is there; a namespace without values goes too."""
        entries = self.data.get(namespace)
        if entries is None or key not in entries:
            return
        del entries[key]
        if not entries:
            del self.data[namespace]
        if self.will_log(namespace, 1) and not self._ordered:
            log = self._log(namespace)
            log.count += 1
            log.gone.append(key)
        elif self.tracked:
            self._write_anew(namespace)

    def drop(self, namespace: Any) -> dict[Any, Any]:
        """Forget a namespace; gives what it held."""
        if self.tracked:
            self._write_anew(namespace)
        return self.data.pop(namespace, {})

    def changes(self) -> int:
        """About how many values a snapshot of the changes would write."""
        anew = sum(len(self.data.get(namespace, ())) + 1 for namespace in self._anew)
        return anew + sum(log.count for log in self._logs.values())

    def snapshot(self, full: bool) -> list[Any]:
        """What changed since the last snapshot, or everything, as plain data; from here on changes count anew."""
        anew = [] if full else list(self._anew)
        whole = self.data if full else [namespace for namespace in anew if namespace in self.data]
        logs = {} if full else self._logs
        saved = [
            (
                [(encode_column(list(entries)), encode_column(list(entries.values()), self.types, self.flat))],
                encode_column([]),
            )
            for entries in map(self.data.__getitem__, whole)
        ]
        for namespace, log in logs.items():
            entries = self.data.get(namespace, {})
            self._encode(log)
            gone = [key for key in log.gone if key not in entries]
            saved.append((log.encoded, encode_column(gone)))
        self.forget_changes()
        return [full, encode_column(anew), encode_column([*whole, *logs]), saved]

    def forget_changes(self) -> None:
        """Count changes from here on."""
        self._logs = {}
        self._anew = {}

    def apply(self, snapshot: list[Any]) -> None:
        """Take in what `snapshot` gave: all of it, or the changes on top of what is here."""
        full, anew, namespaces, saved = snapshot
        if full:
            self.data = {}
        for namespace in decode_column(anew):
            self.data.pop(namespace, None)
        for namespace, (chunks, gone) in zip(decode_column(namespaces), saved, strict=True):
            entries = self.data.setdefault(namespace, {})
            for keys, values in chunks:
                entries.update(zip(decode_column(keys), decode_column(values, self.types), strict=True))
            for key in decode_column(gone):
                entries.pop(key, None)
            if not entries:
                del self.data[namespace]

    def _log(self, namespace: Any) -> _Log:
        log = self._logs.get(namespace)
        if log is None:
            log = self._logs[namespace] = _Log()
        return log

    def _encode(self, log: _Log) -> None:
        """What was put one by one."""
        if log.keys:
            log.encoded.append((encode_column(log.keys), encode_column(log.values, self.types, self.flat)))
            log.keys, log.values = [], []

    def _write_anew(self, namespace: Any) -> None:
        self._anew[namespace] = None
        self._logs.pop(namespace, None)


class _Log:
    """Changes of one namespace, in order: encoded ones, then keys and values; keys that were removed; how many."""

    __slots__ = ("count", "encoded", "gone", "keys", "values")

    def __init__(self) -> None:
        self.encoded: list[tuple[Column, Column]] = []
        self.keys: list[Any] = []
        self.values: list[Any] = []
        self.gone: list[Any] = []
        self.count = 0
