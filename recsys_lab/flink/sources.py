"""Sources: where records come from, and from which offset.

A source consists of splits: the partitions of a topic, or the one split of a list or file. A reader of a split
gives records in order, and always knows the offset at which it would go on. A checkpoint stores those offsets;
a job that is restored opens each split where the checkpoint left it. That is half of "exactly once"; a source
that cannot go back (a generator that is used up) can be read, but not restarted.

To write one: a class with `name`, `splits()` and `open(split, offset)`; see `Source` and `SplitReader`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from recsys_lab.clock import Clock, SystemClock
from recsys_lab.errors import JobError, shorten
from recsys_lab.events import StreamEvent
from recsys_lab.flink.copies import independent_records
from recsys_lab.flink.durations import epoch_ms
from recsys_lab.streams import EventStream

LINGER = timedelta(milliseconds=10)
"""A batch of records that take their time to come is handed on after so long."""

_ROWS_AT_ONCE = 8_192
_END = object()


class Records(NamedTuple):
    """Some records of a split, in order.

    timestamps: epoch ms of each, where the source knows them. ended: whether these are known to be the last.
    arrived: when they came, on the job's clock in epoch ms, where that isn't now.
    """

    values: Sequence[Any]
    timestamps: Sequence[int] | None = None
    ended: bool = False
    arrived: int | None = None


class SplitReader(Protocol):
    """Reads one split, from an offset on."""

    @property
    def offset(self) -> Any:
        """Where it would go on: plain data, or None for the beginning."""

    def read(self, most: int) -> Records:
        """At most so many further records; fewer, or none, when no more are there now."""

    def close(self) -> None:
        """Let go of files and connections."""


@runtime_checkable
class EndingReader(SplitReader, Protocol):
    """A reader of a split that grows, which ends where the split ended when it was opened.

    end: the offset, plain data; None for a split that never ends. Stored in the checkpoint too, and set again when the
    split is opened anew: else a restart would move the end.
    """

    end: Any


@runtime_checkable
class Source(Protocol):
    """Where records come from. name: for messages and drawings."""

    name: str

    def splits(self) -> list[str]:
        """The names of its splits, the same on every run."""

    def open(self, split: str, offset: Any) -> SplitReader:
        """A reader from that offset on; None for the beginning. Raises JobError when it cannot go there."""


class ListSource:
    """A list; record i has offset i."""

    def __init__(self, values: Sequence[Any], name: str = "list") -> None:
        self.name = name
        self.values = values

    def splits(self) -> list[str]:
        return ["0"]

    def open(self, split: str, offset: Any) -> SplitReader:
        return _ListReader(self.values, _start(self.name, offset))


class _ListReader:
    def __init__(self, values: Sequence[Any], offset: int) -> None:
        self._values = values
        self.offset = offset

    def read(self, most: int) -> Records:
        values = self._values[self.offset : self.offset + most]
        self.offset += len(values)
        return Records(independent_records(values), ended=self.offset >= len(self._values))

    def close(self) -> None:
        pass


class IterableSource:
    """Whatever a function gives when it is called, or an iterable; record i has offset i.

    A function or collection is read anew after a failure, past what was read before: it has to give the same
    again. An iterator can be read only once.
    """

    def __init__(self, iterable: Callable[[], Iterable[Any]] | Iterable[Any], name: str, clock: Clock) -> None:
        self.name = name
        self._iterable = iterable
        self._clock = clock
        self._used = False

    def splits(self) -> list[str]:
        return ["0"]

    def open(self, split: str, offset: Any) -> SplitReader:
        if callable(self._iterable):
            iterable = self._iterable()
            if not isinstance(iterable, Iterable):
                raise JobError(f"source {self.name!r} gave {shorten(iterable)}; it must return an iterable of records.")
        else:
            iterable = self._iterable
            if self._used and isinstance(iterable, Iterator):
                raise JobError(
                    f"source {self.name!r} is an iterator, which cannot be read twice. "
                    "Give a list, or a function that returns an iterable."
                )
        self._used = True
        return _IterableReader(iter(iterable), _start(self.name, offset), self._clock)


class _IterableReader:
    """Hands on what is there: a slow source is not made slower.

    On a simulated clock a batch holds exactly what came at one moment, so that no result depends on its size.
    """

    def __init__(self, iterator: Iterator[Any], offset: int, clock: Clock) -> None:
        self._iterator = iterator
        self._clock = clock
        self._is_live = isinstance(clock, SystemClock)
        self._ahead: list[tuple[Any, datetime]] = []  # a record that came later than those before
        self.offset = 0
        for _ in range(offset):
            next(iterator, None)
            self.offset += 1

    def read(self, most: int) -> Records:
        before = self._clock.now()
        value, arrived = self._ahead.pop() if self._ahead else self._next()
        values, now = [], arrived
        while value is not _END:
            if now > arrived and not self._is_live:
                self._ahead.append((value, now))
                break
            values.append(value)
            if len(values) == most or now - before > LINGER:
                break
            before = now
            value, now = self._next()
        self.offset += len(values)
        return Records(values, ended=value is _END, arrived=epoch_ms(now if self._is_live else arrived))

    def _next(self) -> tuple[Any, datetime]:
        value = next(self._iterator, _END)
        return value, self._clock.now()

    def close(self) -> None:
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


class FileSource:
    """The rows of a Parquet file, or the lines of a JSON-lines file, as dicts; row i has offset i."""

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name or self.path.name
        if not self.path.is_file():
            raise JobError(f"source file {shorten(str(path))} is not there; check the path.")

    def splits(self) -> list[str]:
        return ["0"]

    def open(self, split: str, offset: Any) -> SplitReader:
        rows = _parquet_rows if self.path.suffix == ".parquet" else _json_lines
        start = _start(self.name, offset)
        return _RowReader(rows(self.path, start), start)


class _RowReader:
    def __init__(self, chunks: Iterator[list[Any]], offset: int) -> None:
        self._chunks = chunks
        self._held: list[Any] = []
        self.offset = offset

    def read(self, most: int) -> Records:
        while len(self._held) < most:
            more = next(self._chunks, None)
            if more is None:
                break
            self._held += more
        values, self._held = self._held[:most], self._held[most:]
        self.offset += len(values)
        return Records(values, ended=len(values) < most)

    def close(self) -> None:
        self._chunks.close()  # type: ignore[attr-defined]


def _parquet_rows(path: Path, start: int) -> Iterator[list[Any]]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            rows = batch.slice(start).to_pylist()
            start = max(0, start - batch.num_rows)
            yield rows


def _json_lines(path: Path, start: int) -> Iterator[list[Any]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number >= start:
                try:
                    yield [json.loads(line)]
                except ValueError as error:
                    raise JobError(
                        f"line {number + 1} of {path.name} is {shorten(line)}; that is not JSON. Mend or drop it."
                    ) from error


class StreamSource:
    """The events of an EventStream, at their own offsets and with their own timestamps.

    bounded: end where the stream ends when the job starts; else go on until the job is stopped.
    """

    def __init__(self, stream: EventStream, *, bounded: bool = True, name: str | None = None) -> None:
        self.stream = stream
        self.bounded = bounded
        self.name = name or stream.name

    def splits(self) -> list[str]:
        return ["0"]

    def open(self, split: str, offset: Any) -> SplitReader:
        start = self.stream.first_offset if offset is None else _start(self.name, offset)
        return _StreamReader(self.stream, start, self.stream.next_offset if self.bounded else None, self.name)


class _StreamReader:
    def __init__(self, stream: EventStream, offset: int, end: int | None, name: str) -> None:
        self._stream = stream
        self.end = end
        self._name = name
        self.offset = offset

    def read(self, most: int) -> Records:
        end = self._stream.next_offset if self.end is None else self.end
        if self.offset >= end:
            return Records([], ended=self.end is not None)
        held = self._stream.get_recent_events(self._stream.next_offset - self.offset)
        first = self._stream.next_offset - len(held)
        if first > self.offset:
            raise JobError(
                f"source {self._name!r}: events {self.offset} to {first - 1} are no longer held by the stream. "
                "Make its max_size larger."
            )
        values: list[StreamEvent] = held[: min(most, end - self.offset)]
        self.offset += len(values)
        return Records(values, [epoch_ms(event.timestamp) for event in values], self.offset == self.end)

    def close(self) -> None:
        pass


def as_source(given: Any, name: str | None, clock: Clock) -> Source:
    """The source that `add_source` was given: a source, a list, an EventStream, an iterable, or a function."""
    if isinstance(given, type):
        raise JobError(f"source is the class {given.__name__}; give an object of it.")
    if isinstance(given, Source):
        return given
    if isinstance(given, EventStream):
        return StreamSource(given)
    if isinstance(given, (list, tuple, range)):
        return ListSource(given, name or "list")
    if hasattr(given, "itertuples"):  # a DataFrame: to iterate over it gives the names of its columns
        raise JobError('source is a DataFrame; give its rows: frame.to_dict("records").')
    if callable(given) or isinstance(given, Iterable):
        return IterableSource(given, name or str(getattr(given, "__name__", "iterable")), clock)
    raise JobError(
        f"source is {shorten(given)}; a list, an iterable, a function that returns one, or a Source is needed."
    )


def _start(name: str, offset: Any) -> int:
    if offset is None:
        return 0
    if not isinstance(offset, int) or offset < 0:
        raise JobError(f"source {name!r} has no offset {shorten(offset)}; a number from 0 is needed.")
    return offset
