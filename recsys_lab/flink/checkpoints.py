"""Checkpoints: the job's state at one moment, on disk whole or not at all.

A checkpoint is one file: a line that says what it is (format, length, checksum), then msgpack. It is written
under a hidden name, flushed to the disk, and renamed; a crash leaves the old ones and at most a hidden rest. A
checkpoint may hold only what changed since an earlier one; then it names those it builds upon, and they are
kept as long as it is. Nothing in it can run code. A savepoint is a checkpoint on request, always whole,
and written once more to a file of its own.

While a checkpoint is written and flushed, the job goes on (the thread waits for the disk, not for Python);
only when it is safely there, the sinks are told to commit.
"""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from recsys_lab.errors import CheckpointError, shorten
from recsys_lab.flink.codec import pack, unpack

FORMAT = 1

MOST_PENDING = 16
"""With more checkpoints than this waiting for the disk, the job waits too."""

_MAGIC = "recsys-lab checkpoint"
_HEADER = re.compile(rb"recsys-lab checkpoint ([1-9]\d*) ([0-9a-f]{8}) (\d+)\n")


class Identity(NamedTuple):
    """What job a checkpoint belongs to."""

    job_name: str
    signature: list[str]


class Storage(Protocol):
    """Where checkpoints are kept, by number."""

    def prepare(self, number: int) -> None:
        """A checkpoint will be saved: what can be done in advance, on the job's own thread."""

    def save(self, bodies: dict[int, bytes]) -> None:
        """Return when these checkpoints are safe and can be read. Called on another thread."""

    def settle(self, number: int) -> None:
        """It was saved: let go of what `prepare` took, on the job's own thread."""

    def withdraw(self, number: int) -> None:
        """It was not saved, and never will be: leave nothing of it, on the job's own thread."""

    def read(self, number: int) -> bytes:
        """Raises CheckpointError when it cannot be read."""

    def numbers(self) -> list[int]:
        """Of those that are seen, in order."""

    def remove(self, number: int) -> None:
        """If it is there."""

    def name(self, number: int) -> str:
        """For messages; of a folder, the path."""


class MemoryStorage:
    """In memory: enough to restart within one run."""

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}

    def prepare(self, number: int) -> None:
        pass

    def save(self, bodies: dict[int, bytes]) -> None:
        self._held.update({number: seal(body) for number, body in bodies.items()})

    def settle(self, number: int) -> None:
        pass

    def withdraw(self, number: int) -> None:
        self.remove(number)

    def read(self, number: int) -> bytes:
        return self._held[number]

    def numbers(self) -> list[int]:
        return sorted(self._held)

    def remove(self, number: int) -> None:
        self._held.pop(number, None)

    def name(self, number: int) -> str:
        return f"checkpoint {number} (in memory)"


class FolderStorage:
    """In a folder, as `chk-000001` and so on.

    The other thread calls the system as rarely as it can: each call lets the job go on, and then has to wait for its
    turn, 5 ms. So files are opened and closed on the job's thread, and written and flushed in one call.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._drafts: dict[int, tuple[int, int]] = {}  # (file, its folder), open

    def prepare(self, number: int) -> None:
        self._drafts[number] = open_draft(self.path(number))

    def save(self, bodies: dict[int, bytes]) -> None:
        for number, body in bodies.items():
            write_draft(self.path(number), self._drafts[number][0], seal(body))
        flush_folder(self.folder, self._drafts[number][1])

    def settle(self, number: int) -> None:
        for descriptor in self._drafts.pop(number, ()):
            os.close(descriptor)

    def withdraw(self, number: int) -> None:
        self.settle(number)
        for path in (_hidden(self.path(number)), self.path(number)):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def read(self, number: int) -> bytes:
        return read_file(self.path(number))

    def numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name[4:]) for path in self.folder.glob("chk-*") if path.name[4:].isdigit())

    def remove(self, number: int) -> None:
        with contextlib.suppress(OSError):  # one too many is no reason for a job to fail
            self.path(number).unlink(missing_ok=True)

    def name(self, number: int) -> str:
        return str(self.path(number))

    def path(self, number: int) -> Path:
        """Of a checkpoint."""
        return self.folder / f"chk-{number:06d}"


def open_draft(path: Path) -> tuple[int, int]:
    """(a new file under a hidden name, its folder), open. Raises CheckpointError when that fails."""
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            return os.open(_hidden(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_DSYNC, 0o644), folder
        except OSError:
            os.close(folder)
            raise
    except OSError as error:
        raise _unwritable(path, error) from error


def write_draft(path: Path, draft: int, raw: bytes) -> None:
    """Write a draft through to the disk, then give it its name. Raises CheckpointError when that fails."""
    try:
        written = os.write(draft, raw)
        while written < len(raw):
            written += os.write(draft, raw[written:])
        os.replace(_hidden(path), path)
    except OSError as error:
        raise _unwritable(path, error) from error


def flush_folder(folder: Path, descriptor: int) -> None:
    """See to it that names in a folder last. Raises CheckpointError when that fails."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _hidden(path: Path) -> str:
    return os.path.join(path.parent, f".{path.name}.writing")


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path} cannot be written: {error}. Free space, or use another folder.")


def read_file(path: Path) -> bytes:
    """Raises CheckpointError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}.") from error


def write_savepoint(path: Path, content: dict[str, Any], identity: Identity) -> None:
    """Write all state to a file of its own."""
    body = pack({**content, **identity._asdict(), "number": 0, "builds_upon": []})
    draft, folder = open_draft(path)
    try:
        write_draft(path, draft, seal(body))
        flush_folder(path.parent, folder)
    except CheckpointError:
        with contextlib.suppress(OSError):
            os.unlink(_hidden(path))
        raise
    finally:
        os.close(draft)
        os.close(folder)


def seal(body: bytes) -> bytes:
    """The bytes of a checkpoint file."""
    return f"{_MAGIC} {FORMAT} {zlib.crc32(body):08x} {len(body)}\n".encode() + body


def unseal(raw: bytes, name: str) -> dict[str, Any]:
    """The content of a checkpoint file. Raises CheckpointError for one that is corrupt, truncated, or newer."""
    header = _HEADER.match(raw)
    if header is None:
        raise CheckpointError(f"{name} is no checkpoint of this lab: it begins with {shorten(raw[:20])}.")
    version, checksum, length = int(header[1]), int(header[2], 16), int(header[3])
    if version > FORMAT:
        raise CheckpointError(f"{name} has format {version}; this lab reads up to {FORMAT}. Update the lab.")
    body = raw[header.end() :]
    if len(body) != length:
        raise CheckpointError(f"{name} is truncated: {len(body)} of {length} bytes are there.")
    if zlib.crc32(body) != checksum:
        raise CheckpointError(f"{name} is corrupt: its checksum doesn't fit.")
    content: dict[str, Any] = unpack(body)
    return content


def checksum(sealed: bytes) -> int | None:
    """That a checkpoint file says it has."""
    header = _HEADER.match(sealed)
    return None if header is None else int(header[2], 16)


def check_identity(content: dict[str, Any], identity: Identity, name: str) -> None:
    """Raise CheckpointError for a checkpoint of another job."""
    if content["job_name"] != identity.job_name:
        raise CheckpointError(
            f"{name} is foreign: it belongs to job {content['job_name']!r}, not {identity.job_name!r}. "
            "Give the job that name, or restore from a checkpoint of its own."
        )
    theirs, ours = content["signature"], identity.signature
    if theirs != ours:
        place = next(
            (i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours))
        )
        was = theirs[place] if place < len(theirs) else "nothing"
        now = ours[place] if place < len(ours) else "nothing"
        raise CheckpointError(
            f"{name} is foreign: the job that wrote it has {was!r} where this one has {now!r}. "
            "Build the same job, or start without a checkpoint."
        )


def load(storage: Storage, number: int, identity: Identity) -> list[dict[str, Any]]:
    """A checkpoint and those it builds upon, in order. Raises CheckpointError."""
    name = storage.name(number)
    content = unseal(storage.read(number), name)
    check_identity(content, identity, name)
    chain: list[dict[str, Any]] = []
    before: int | None = None  # checksum of the one before
    for earlier in content["builds_upon"]:
        try:
            raw = storage.read(earlier)
            member = unseal(raw, storage.name(earlier))
            check_identity(member, identity, storage.name(earlier))
            if member["number"] != earlier:
                raise CheckpointError(f"it is number {member['number']} under another name.")
            _check_base(member, before, storage.name(earlier))
        except (CheckpointError, KeyError) as error:
            raise CheckpointError(
                f"{name} builds upon {storage.name(earlier)}, which cannot be used: {error}"
            ) from error
        before = checksum(raw)
        chain.append(member)
    _check_base(content, before, name)
    return [*chain, content]


def _check_base(content: dict[str, Any], before: int | None, name: str) -> None:
    """Raise CheckpointError when what is beside a checkpoint is not what it was built upon."""
    if content.get("base", before) != before:
        raise CheckpointError(f"{name} was built upon another checkpoint than the one that is beside it now.")


def restore_point(restore_from: Any, storage: Storage | None, identity: Identity) -> list[dict[str, Any]] | None:
    """What `restore_from` names: None, "latest", or the path of a checkpoint or savepoint.

    None when there is no checkpoint yet. Raises CheckpointError for one that cannot be used, and then names the
    latest one before it that can.
    """
    if restore_from is None:
        return None
    if restore_from == "latest":
        if storage is None:
            raise CheckpointError('there is no folder to find the "latest" checkpoint in; give checkpoint_dir.')
        numbers = storage.numbers()
        if not numbers:
            return None
        return _load_or_offer(storage, numbers[-1], identity)
    path = Path(restore_from)
    if not path.is_file():
        raise CheckpointError(f"checkpoint {shorten(str(path))} is not there; check the path.")
    if path.name.startswith("chk-") and path.name[4:].isdigit():
        return _load_or_offer(FolderStorage(path.parent), int(path.name[4:]), identity)
    content = unseal(read_file(path), str(path))
    check_identity(content, identity, str(path))
    if content["builds_upon"]:
        storage = FolderStorage(path.parent)
        first, own = storage.path(content["builds_upon"][0]).name, storage.path(content["number"]).name
        raise CheckpointError(
            f"{path} holds only what changed since {first}. Keep it as {own} beside those that it builds upon, or "
            "make a savepoint, which is whole."
        )
    return [content]


def _load_or_offer(storage: Storage, number: int, identity: Identity) -> list[dict[str, Any]]:
    try:
        return load(storage, number, identity)
    except CheckpointError as error:
        for earlier in reversed([n for n in storage.numbers() if n < number]):
            try:
                load(storage, earlier, identity)
            except CheckpointError:
                continue
            offer = f"The one before it can be used: restore_from={storage.name(earlier)!r}."
            raise CheckpointError(f"{error} {offer}") from error
        raise CheckpointError(f"{error} There is no usable one before it.") from error


class Checkpoints:
    """Writes the checkpoints of a run, in the background and in order, and keeps the last few.

    kept: how many. Numbers go on from what the storage holds.
    """

    def __init__(self, storage: Storage, identity: Identity, kept: int) -> None:
        self._storage = storage
        self._identity = identity
        self._kept = kept
        self._numbers = storage.numbers()
        self._next = max(self._numbers, default=0) + 1
        self._built_upon: dict[int, list[int]] = {}
        self._chain: list[int] = []  # what the next partial checkpoint builds upon
        self._last_checksum = 0  # of the last in the chain
        self._writer: ThreadPoolExecutor | None = None
        self._pending: deque[tuple[int, Future[None]]] = deque()
        self._unsafe: deque[tuple[int, bytes]] = deque()
        self._safe = 0  # number of the last that was saved
        self._error: Exception | None = None  # that ended the saving
        self.completed = 0
        self.latest: int | None = None

    def next_number(self) -> int:
        """That the next checkpoint will have."""
        return self._next

    def start(self, content: dict[str, Any], full: bool) -> None:
        """Have a checkpoint written, after those that are being written; `finished` tells when it is complete."""
        number, self._next = self._next, self._next + 1
        builds_upon = [] if full else list(self._chain)
        self._chain = []  # what changed is told only once: should this one fail, the next must be whole
        base = self._last_checksum if builds_upon else None
        place = {"number": number, "builds_upon": builds_upon, "base": base}
        body = pack({**content, **self._identity._asdict(), **place})
        self._last_checksum = zlib.crc32(body)
        self._built_upon[number] = builds_upon  # before the writer may ask
        self._storage.prepare(number)
        self._chain = [*builds_upon, number]
        self._unsafe.append((number, body))
        self._pending.append((number, self._in_background(partial(self._save, number))))

    def finished(self, wait: bool) -> Iterator[int]:
        """The numbers of those that are complete since last asked. Raises CheckpointError when one failed; all that
        come after it fail too, until `forget_chain`.
        """
        while self._pending and (wait or len(self._pending) > MOST_PENDING or self._pending[0][1].done()):
            number, written = self._pending.popleft()
            try:
                written.result()
            except BaseException:
                self._storage.withdraw(number)
                raise
            self._storage.settle(number)
            self.completed += 1
            self.latest = number
            yield number

    def wait(self) -> None:
        """Until none is being written, whatever became of them: `latest` is the last one that is complete."""
        while self._pending:
            with contextlib.suppress(Exception):
                for _ in self.finished(wait=True):
                    pass

    def forget_chain(self) -> None:
        """The next checkpoint must be whole: the state it would build upon is no longer that of the run. What is being
        written is waited for.
        """
        self.wait()
        self._chain = []
        self._unsafe.clear()
        self._error = None

    def can_build_upon(self, most: int) -> bool:
        """Whether the next checkpoint may hold changes only."""
        return 0 < len(self._chain) < most

    def load_latest(self) -> list[dict[str, Any]] | None:
        """The latest complete one of this run."""
        return None if self.latest is None else load(self._storage, self.latest, self._identity)

    def close(self) -> None:
        """Wait for the writer."""
        self.wait()
        if self._writer is not None:
            self._writer.shutdown(wait=True)

    def _in_background(self, work: Callable[[], None]) -> Future[None]:
        if isinstance(self._storage, MemoryStorage):
            done: Future[None] = Future()
            work()
            done.set_result(None)
            return done
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        return self._writer.submit(work)

    def _save(self, number: int) -> None:
        """This one and all that wait with it, at once: a slow disk then has fewer flushes to make.

        A save that failed is not tried again: nobody knows what of it is on the disk.
        """
        if number <= self._safe:  # an earlier one took it along
            return
        if self._error is not None:
            raise self._error
        bodies = dict(self._unsafe.popleft() for _ in range(len(self._unsafe)))
        try:
            self._storage.save(bodies)
        except Exception as error:
            self._error = error
            raise
        self._safe = max(bodies)
        self._numbers += bodies
        self._remove_old()

    def _remove_old(self) -> None:
        numbers = self._numbers
        kept = numbers[-self._kept :]
        needed = set(kept).union(*(self._needed_by(number) for number in kept))
        for number in numbers:
            if number not in needed:
                self._storage.remove(number)
                self._built_upon.pop(number, None)
        self._numbers = [number for number in numbers if number in needed]

    def _needed_by(self, number: int) -> Sequence[int]:
        if number not in self._built_upon:
            try:
                raw = self._storage.read(number)
                self._built_upon[number] = unseal(raw, self._storage.name(number))["builds_upon"]
            except (CheckpointError, KeyError):
                self._built_upon[number] = []
        return self._built_upon[number]
