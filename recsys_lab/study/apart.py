"""A check apart: in a copy of this process, so that whatever an answer does there, the notebook goes on.

`limits` ends what Python can interrupt. An answer that ends its process, crashes it, or loops inside compiled code,
where no other thread gets a turn, is past that; here it takes a copy with it, and the copy is ended from outside. What
the answer prints is shown; what it keeps in variables is gone with the copy.

The copy is a fork, which only Linux makes reliably of a process with threads. Elsewhere the limits alone have to do.
"""

from __future__ import annotations

import io
import multiprocessing
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from time import perf_counter

import psutil

from recsys_lab.study.limits import MEMORY_MB, within_limits
from recsys_lab.study.report import ENDED, Report, refused, too_large, too_slow

MOST_PRINTED = 20_000
"""Characters; what an answer prints beyond them is not shown."""

_LOOK_EVERY_S = 0.05
_MORE_S, _MORE_MB = 10.0, 200
"""What the copy may take beyond the limits, to stop the answer by itself."""


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
        copy.kill()
        copy.join()
        ours.close()


def _told(by: Connection, copy: psutil.Process, seconds: float, memory_mb: int) -> Report:
    """What the copy sends, or why nothing is waited for any longer; prints what the answer printed."""
    before, began = psutil.Process().memory_info().rss, perf_counter()
    while not by.poll(_LOOK_EVERY_S):
        if perf_counter() - began > seconds + _MORE_S:
            return refused(too_slow(seconds))
        if copy.memory_info().rss - before > (memory_mb + _MORE_MB) * 2**20:
            return refused(too_large(memory_mb))
    try:
        report, printed = by.recv()
    except EOFError:
        return refused(ENDED)
    print(printed, end="")
    told: Report = report
    return told


def _tell(to: Connection, judge: Callable[[], Report], seconds: float, memory_mb: int) -> None:
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        report = within_limits(judge, seconds=seconds, memory_mb=memory_mb)
    to.send((report, printed.getvalue()[:MOST_PRINTED]))
