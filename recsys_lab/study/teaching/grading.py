"""Grading: each answer judged in a process of its own, with limits of time and memory, into one table.

The process is ended, with all it started, when it passes a limit, whatever it is doing; one answer can neither stop the
others nor see them.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import msgspec
import pandas as pd
import psutil

from recsys_lab.study.apart import end_session
from recsys_lab.study.limits import MEMORY_MB
from recsys_lab.study.progress import FILE
from recsys_lab.study.questions import check_of
from recsys_lab.study.report import ENDED, Report, refused, too_large, too_slow
from recsys_lab.study.teaching.submissions import Submission

START_SECONDS = 30.0
"""To start Python and import the lab, beside the question's own limit."""

_LOOK_EVERY_S = 0.05
_CHILD = "recsys_lab.study.teaching.one_answer"


def grade(
    submissions: Sequence[Submission],
    *,
    memory_mb: int = MEMORY_MB,
    at_once: int = 2,
    look: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """A row for each submission: student, question, state (passed, refused, not attempted), reason, seconds.

    memory_mb: an answer's process may hold so much. at_once: processes side by side. look: called with the number of
    submissions judged so far.
    """
    done = []
    with ThreadPoolExecutor(at_once) as pool:
        for row in pool.map(lambda each: _graded(each, memory_mb), submissions):
            done.append(row)
            if look is not None:
                look(len(done))
    return pd.DataFrame(done, columns=["student", "question", "state", "reason", "seconds"])


def by_student(grades: pd.DataFrame) -> pd.DataFrame:
    """A row for each student, a column for each question, and the number passed."""
    table = grades.pivot(index="student", columns="question", values="state").fillna("missing")
    return table.assign(passed=(table == "passed").sum(axis=1))


def _graded(submission: Submission, memory_mb: int) -> tuple[str, str, str, str, float]:
    began = perf_counter()
    report = _judged_apart(submission, memory_mb)
    state = "passed" if report.passed else "refused" if report.attempted else "not attempted"
    return submission.student, submission.question_id, state, " ".join(report.messages), perf_counter() - began


def _judged_apart(submission: Submission, memory_mb: int) -> Report:
    if submission.unreadable:
        return refused(submission.unreadable)
    seconds = START_SECONDS + check_of(submission.question_id).SECONDS
    order = msgspec.json.encode({"question_id": submission.question_id, "code": submission.code})
    with tempfile.TemporaryDirectory(prefix="answer-") as folder, _report_pipe() as (read_end, write_end):
        process = subprocess.Popen(
            [sys.executable, "-m", _CHILD, str(write_end)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
            pass_fds=[write_end], start_new_session=True, env=_environment(folder),
        )  # fmt: skip
        os.close(write_end)
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError), process.stdin as order_pipe:
                order_pipe.write(order)
            stopped = _watch(process, seconds, memory_mb)
        finally:
            end_session(process)
            process.wait()
        if stopped is not None:
            return refused(stopped)
        return _report(_read_all(read_end))


def _watch(process: subprocess.Popen[bytes], seconds: float, memory_mb: int) -> str | None:
    """Why the process has to be ended, or None when it has ended by itself."""
    began, seen = perf_counter(), psutil.Process(process.pid)
    while True:
        try:
            process.wait(_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            return None
        if perf_counter() - began > seconds:
            return too_slow(seconds)
        with contextlib.suppress(psutil.NoSuchProcess):
            if seen.memory_info().rss > memory_mb * 2**20:
                return too_large(memory_mb)


@contextlib.contextmanager
def _report_pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    try:
        yield read_end, write_end
    finally:
        os.close(read_end)


def _read_all(read_end: int) -> bytes:
    os.set_blocking(read_end, False)
    parts = []
    with contextlib.suppress(BlockingIOError):
        while part := os.read(read_end, 65536):
            parts.append(part)
    return b"".join(parts)


def _report(written: bytes) -> Report:
    try:
        return msgspec.json.decode(written, type=Report)
    except msgspec.DecodeError:
        return refused(ENDED)


def _environment(folder: str) -> dict[str, str]:
    """The lab's own modules are found from the empty folder that is the answer's place; progress is not a student's."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, FILE: str(Path(folder) / "progress.json")}
