"""A program that outlives the command that started it: `recsys-lab kafka up`, `status`, `down`, and the same of flink.

`up` starts a process of its own that holds the program, and that writes a note of where it is once that is ready.
The note names the process by its id and its start time, so that a stranger who got the same id later is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from recsys_lab.errors import LabError
from recsys_lab.java import logs
from recsys_lab.java.jars import cache_folder

READY_WITHIN = 100.0
"""Seconds that a start may take on a busy machine; the program itself gives up before, and says why."""

STOP_WITHIN = 20.0


class Note(msgspec.Struct, frozen=True):
    """Of one that runs. address: what a client needs. pids: of its Java processes. data_dir: what is kept, if anything.

    pid: of the process that holds it. started: of that process, in seconds since 1970.
    """

    address: str
    pids: list[int]
    data_dir: str
    pid: int
    started: float


@dataclass(frozen=True)
class Service:
    """The one that runs in the background under this name. error: what a failure is raised as."""

    name: str
    error: type[LabError]

    def running(self) -> Note | None:
        """The note of the one that `up` started and that still runs, or None."""
        try:
            note = msgspec.json.decode(self._note.read_bytes(), type=Note)
        except (OSError, msgspec.MsgspecError):
            return None
        return note if _is_alive(note) else None

    def up(self, command: Sequence[str]) -> Note:
        """Start it, or find it running. command: a program that calls `hold`. Raises the error of the service."""
        note = self.running()
        if note is not None:
            return note
        self._note.unlink(missing_ok=True)
        log = cache_folder() / f"{self.name}-service.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + READY_WITHIN
        while (note := self.running()) is None:
            if process.poll() is not None:
                said = logs.read(log).strip().splitlines() or [f"{self.name} ended while it started; see {log}"]
                raise self.error(said[-1].removeprefix("recsys-lab: "))  # as the command line begins its errors
            if time.monotonic() > deadline:
                process.kill()
                raise self.error(f"{self.name} was not ready in time; see {log}")
            time.sleep(0.05)
        return note

    def hold(self, address: str, pids: Sequence[int], data_dir: str = "") -> None:
        """In the process that `up` started, with the program running: write the note, and return at SIGTERM."""
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        me = psutil.Process(os.getpid())
        arriving = self._note.with_suffix(".arriving")
        arriving.write_bytes(msgspec.json.encode(Note(address, list(pids), data_dir, me.pid, me.create_time())))
        arriving.replace(self._note)
        ended.wait()
        self._note.unlink(missing_ok=True)

    def down(self) -> bool:
        """End it; whether one was running."""
        note = self.running()
        if note is None:
            return False
        process = psutil.Process(note.pid)
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except psutil.TimeoutExpired:
            process.kill()
        self._note.unlink(missing_ok=True)
        return True

    @property
    def _note(self) -> Path:
        return cache_folder() / f"{self.name}-service.json"


def _is_alive(note: Note) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(note.pid)
        same = abs(process.create_time() - note.started) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    return False
