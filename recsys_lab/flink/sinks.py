"""Sinks: where results go, and when they are seen.

A plain function is called for each record; after a crash some records come again: at least once. A transactional
sink writes into a transaction that nobody sees. With each checkpoint it is told to *pre-commit*: make what was
written durable, and give data that names it, which is stored in the checkpoint. When the checkpoint is complete
it is told to *commit*. After a crash it is told what the checkpoint names: that is committed (again, perhaps),
everything else is thrown away. So each record is seen exactly once. (Two-phase commit, as in Apache Flink.)

To write one: a class with the methods of `TransactionalSink`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

from recsys_lab.errors import JobError, shorten


@runtime_checkable
class TransactionalSink(Protocol):
    """A sink that takes part in checkpoints."""

    def begin(self, prepared: list[Any] | None) -> None:
        """Start a run. prepared: what the checkpoint that the run starts from holds, in order, of `pre_commit`;
        None for a run from the beginning. Commit that, discard all else, and open a transaction.
        """

    def write(self, values: Sequence[Any]) -> None:
        """Add records to the open transaction."""

    def pre_commit(self) -> Any:
        """Make the open transaction durable and start the next; gives plain data that `commit` needs."""

    def commit(self, prepared: Any) -> None:
        """Show a transaction. May come twice for the same one."""

    def close(self) -> None:
        """The run is over or has failed; what is not committed stays unseen."""


class ListSink:
    """A list in memory. values: what is committed."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._open: list[Any] = []
        self._prepared: dict[int, list[Any]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def begin(self, prepared: list[Any] | None) -> None:
        for transaction in prepared or ():
            self.commit(transaction)
        self._open, self._prepared = [], {}

    def write(self, values: Sequence[Any]) -> None:
        self._open.extend(values)

    def pre_commit(self) -> Any:
        self._number += 1
        self._prepared[self._number] = self._open
        self._open = []
        return self._number

    def commit(self, prepared: Any) -> None:
        self.values.extend(self._prepared.pop(prepared, ()))

    def close(self) -> None:
        pass


class FileSink:
    """A folder of text files, one line a record: text as it is, anything else as JSON.

    Only committed files have their final names, `part-00000.txt` and so on; what is being written is hidden
    (`.part-…`). A job restored from an earlier checkpoint takes back the files that were committed later. The folder is
    one sink's own; several streams of a job may go to it through the same object.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._number = 0
        self._file: TextIO | None = None

    def begin(self, prepared: list[Any] | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if prepared:
            for transaction in prepared:
                self.commit(transaction)
            self._number = prepared[-1]["next"]
            for path in self._parts():
                if _number_of(path) >= self._number:
                    path.unlink()
        else:
            self._number = max((_number_of(path) + 1 for path in self._parts()), default=0)
        for path in self.folder.glob(".part-*"):
            path.unlink()
        _sync_folder(self.folder)

    def write(self, values: Sequence[Any]) -> None:
        if self._file is None:
            self._file = self._hidden(self._number).open("w", encoding="utf-8", newline="\n")
        self._file.write("".join([f"{_line(value)}\n" for value in values]))

    def pre_commit(self) -> Any:
        if self._file is None:
            return {"part": None, "next": self._number}
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._number += 1
        return {"part": self._number - 1, "next": self._number}

    def commit(self, prepared: Any) -> None:
        number = prepared["part"]
        if number is not None and self._hidden(number).exists():
            os.replace(self._hidden(number), self.folder / f"part-{number:05d}.txt")
            _sync_folder(self.folder)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def lines(self) -> list[str]:
        """All committed lines, in order."""
        return [line for path in self._parts() for line in path.read_text(encoding="utf-8").split("\n")[:-1]]

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.txt"))

    def _hidden(self, number: int) -> Path:
        return self.folder / f".part-{number:05d}"


def check_sink(sink: Any, others: Iterable[Any] = ()) -> None:
    """Raise JobError for what cannot be a sink, or not beside the others of the job."""
    if isinstance(sink, type) or not isinstance(sink, TransactionalSink):
        raise JobError(
            f"sink is {shorten(sink)}; a ListSink, FileSink or another TransactionalSink is needed, "
            "or sink(function) for a plain function."
        )
    if isinstance(sink, FileSink):
        folder = sink.folder.resolve()
        for other in others:
            if isinstance(other, FileSink) and other is not sink and other.folder.resolve() == folder:
                raise JobError(
                    f"sink is FileSink({shorten(str(sink.folder))}), and another FileSink writes there already; give "
                    "this one a folder of its own, or both streams the same FileSink object."
                )


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    if "\n" in text or "\r" in text:
        raise JobError(f"record {shorten(text)} has a line break in it; a FileSink writes one line a record.")
    return text


def _plain(value: Any) -> Any:
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise JobError(f"record {shorten(value)} is no JSON; map it to a dict, list, text or number before the sink.")


def _number_of(path: Path) -> int:
    digits = path.stem.removeprefix("part-")
    return int(digits) if digits.isdigit() else -1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
