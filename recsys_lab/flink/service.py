"""A Flink that outlives the command that started it: `recsys-lab flink up`, `status`, `down`.

`up` starts a process of its own that holds a `LocalFlink`, and that writes a note of where it is once Flink is ready.
The note names the process by its id and its start time, so that a stranger who got the same id later is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psutil

from recsys_lab.errors import ClusterError
from recsys_lab.flink.cluster import READY_WITHIN, LocalFlink
from recsys_lab.java.jars import cache_folder

PORT = 8081
"""Where Flink's web page is looked for first."""

STOP_WITHIN = 20.0


class Service(msgspec.Struct, frozen=True):
    """A running one. started: of the process `pid`, in seconds since 1970."""

    address: str
    flink_pids: list[int]
    pid: int
    started: float


def running() -> Service | None:
    """The service that `up` started and that still runs, or None."""
    try:
        service = msgspec.json.decode(_note().read_bytes(), type=Service)
    except (OSError, msgspec.MsgspecError):
        return None
    return service if _is_alive(service) else None


def up(*, task_slots: int = 4, port: int = PORT) -> Service:
    """Start the service, or find it running. Raises ClusterError."""
    service = running()
    if service is not None:
        return service
    _note().unlink(missing_ok=True)
    log = cache_folder() / "flink-service.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "recsys_lab.flink.service", str(task_slots), str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + READY_WITHIN + 10
    while (service := running()) is None:
        if process.poll() is not None:
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            raise ClusterError(said.splitlines()[-1] if said else f"Flink ended while it started; see {log}")
        if time.monotonic() > deadline:
            process.kill()
            raise ClusterError(f"Flink was not ready in time; see {log}")
        time.sleep(0.05)
    return service


def down() -> bool:
    """End the service and the jobs on it; whether one was running."""
    service = running()
    if service is None:
        return False
    process = psutil.Process(service.pid)
    process.terminate()
    try:
        process.wait(STOP_WITHIN)
    except psutil.TimeoutExpired:
        process.kill()
    _note().unlink(missing_ok=True)
    return True


def _note() -> Path:
    return cache_folder() / "flink-service.json"


def _is_alive(service: Service) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(service.pid)
        same = abs(process.create_time() - service.started) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _serve(task_slots: int, port: int) -> None:
    """Hold a cluster until SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with LocalFlink(task_slots=task_slots, port=port) as cluster:
        me = psutil.Process(os.getpid())
        service = Service(cluster.address, cluster.pids, me.pid, me.create_time())
        arriving = _note().with_suffix(".arriving")
        arriving.write_bytes(msgspec.json.encode(service))
        arriving.replace(_note())
        ended.wait()
        _note().unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        _serve(int(sys.argv[1]), int(sys.argv[2]))
    except ClusterError as error:
        raise SystemExit(str(error)) from None
