"""Limits: an answer that never ends, or takes all the memory, is stopped, and says so.

The answer is judged on a thread of its own, which also lets it run an event loop inside a notebook's. A watch looks at
the time and at what the process has grown by, and raises an error inside that thread when a limit is passed. What
cannot be interrupted (a call that waits for ever) is left behind; the caller goes on all the same. A loop inside
compiled code holds Python still, this watch included: so checks run `apart`, and grading in a process for each answer.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

import psutil

from recsys_lab.study.report import Report, refused, too_large, too_slow

MEMORY_MB = 1024
_LOOK_EVERY_S = 0.02
_AGAIN_S = 0.25  # much memory takes a while to be given back, and nothing should be raised meanwhile
_GRACE_S = 1.0


class Stopped(BaseException):
    """Raised inside an answer that passed a limit; not an Exception, so that the answer does not catch it."""


def within_limits(judge: Callable[[], Report], *, seconds: float, memory_mb: int = MEMORY_MB) -> Report:
    """What `judge` reports, or that it was stopped: after so many seconds, or grown by so many megabytes."""
    reports: list[Report] = []
    stopped: Report | None = None
    worker = threading.Thread(target=_work, args=(judge, reports), daemon=True, name="study-check")
    process = psutil.Process()
    before, began = process.memory_info().rss, perf_counter()
    worker.start()
    try:
        while worker.is_alive() and not reports and stopped is None:
            worker.join(_LOOK_EVERY_S)
            if perf_counter() - began > seconds:
                stopped = refused(too_slow(seconds))
            elif process.memory_info().rss - before > memory_mb * 2**20:
                stopped = refused(too_large(memory_mb))
    finally:
        if not reports:  # who has reported ends without being stopped
            _stop(worker)
    if stopped is not None:
        return stopped
    return reports[0] if reports else refused("it ended without a word: an answer must not end its thread.")


def _work(judge: Callable[[], Report], reports: list[Report]) -> None:
    with suppress(Stopped):  # it may come twice
        try:
            reports.append(judge())
        except Stopped:
            pass
        except BaseException as error:  # SystemExit and the like: an answer must not end the kernel
            reports.append(refused(f"it raised {type(error).__name__}: {error}"))


def _stop(worker: threading.Thread) -> None:
    """Raise Stopped in the thread until it ends, for a second at most."""
    until = perf_counter() + _GRACE_S
    while worker.is_alive() and worker.ident is not None and perf_counter() < until:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(Stopped))
        worker.join(_AGAIN_S)
