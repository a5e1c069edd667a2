"""A check apart: in a copy of this process, so that whatever an answer does there, the notebook goes on.

`limits` ends what Python can interrupt. An answer that ends its process, crashes it, or loops inside compiled code,
where no other thread gets a turn, is past that; here it takes a copy with it, and the copy is ended from outside. What
the answer prints is shown; what it keeps in variables is gone with the copy, and so are processes that it started.

The copy is a fork, which only Linux makes reliably of a process with threads. Elsewhere the limits alone have to do.
"""

from __future__ import annotations

import ctypes
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from time import perf_counter

import msgspec
import psutil

from recsys_lab.study.limits import MEMORY_MB, within_limits
from recsys_lab.study.report import ENDED, Report, refused, too_large, too_slow

MOST_PRINTED = 20_000
"""Characters; what an answer prints beyond them is not shown."""

_LOOK_EVERY_S = 0.05
_MORE_S, _MORE_MB = 10.0, 200
"""What the copy may take beyond the limits, to stop the answer by itself."""
_PART = 2**16
_PR_SET_PDEATHSIG = 1


def apart(judge: Callable[[], Report], *, seconds: float, memory_mb: int = MEMORY_MB) -> Report:
    """What `judge` reports, or that it was stopped: as `within_limits`, but out of harm's way."""
    if not sys.platform.startswith("linux"):
        return within_limits(judge, seconds=seconds, memory_mb=memory_mb)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    copy = context.Process(target=_tell, args=(theirs, judge, seconds, memory_mb))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 tells of threads that the copy lacks
        copy.start()
    theirs.close()
    try:
        return _told(ours, psutil.Process(copy.pid), seconds, memory_mb)
    finally:
        end_session(copy)  # before it is waited for, while nobody else can have its number
        copy.join()
        ours.close()


def end_session(leader: ForkProcess | subprocess.Popen[bytes]) -> None:
    """End a process, and all that is left of the session that it leads."""
    assert leader.pid  # 0 would be our own group
    leader.kill()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)


def _told(by: Connection, copy: psutil.Process, seconds: float, memory_mb: int) -> Report:
    """What the copy sends until it ends, or why nothing is waited for any longer; prints what the answer printed."""
    before, began = psutil.Process().memory_info().rss, perf_counter()
    sent = bytearray()
    while True:
        over = _is_over(copy)  # before the look at the pipe, which what it started may hold open
        if by.poll(0 if over else _LOOK_EVERY_S):
            part = os.read(by.fileno(), _PART)
            if not part:
                return _read(bytes(sent))
            sent += part
        elif over:
            return _read(bytes(sent))
        if perf_counter() - began > seconds + _MORE_S:
            return refused(too_slow(seconds))
        if not over and copy.memory_info().rss - before + len(sent) > (memory_mb + _MORE_MB) * 2**20:
            return refused(too_large(memory_mb))


def _is_over(copy: psutil.Process) -> bool:
    try:
        return bool(copy.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _read(sent: bytes) -> Report:
    """The report in what was sent: nothing else is, unless the answer wrote there too."""
    try:
        report, printed = msgspec.json.decode(sent, type=tuple[Report, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return refused(ENDED)
    print(_shown(printed, getattr(sys.stdout, "encoding", None) or "utf-8"), end="")
    return report


def _tell(to: Connection, judge: Callable[[], Report], seconds: float, memory_mb: int) -> None:
    _begin_session()
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        report = within_limits(judge, seconds=seconds, memory_mb=memory_mb)
    report = replace(report, messages=[_shown(message) for message in report.messages])
    with open(to.fileno(), "wb", closefd=False) as pipe:
        pipe.write(msgspec.json.encode((report, _shown(printed.getvalue()[:MOST_PRINTED]))))
    os._exit(0)  # now, whatever threads the answer left


def _begin_session() -> None:
    """What the answer starts ends with the copy, and the copy with the notebook, whose session it leaves."""
    os.setsid()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _shown(text: str, encoding: str = "utf-8") -> str:
    """The text, with escapes for what cannot be encoded."""
    return text.encode(encoding, "backslashreplace").decode(encoding)
