"""An answer that never ends, eats memory, or would end the kernel is a report."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from recsys_lab.study import limits
from recsys_lab.study.limits import within_limits
from recsys_lab.study.report import Report, judge


def judged(answer: Callable[[], Any], *, seconds: float = 0.3, memory_mb: int = 300) -> Report:
    def check(answer: Callable[[], Any]) -> str:
        answer()
        return "it ended."

    return within_limits(lambda: judge(check, answer), seconds=seconds, memory_mb=memory_mb)


def for_ever() -> None:
    while True:
        pass


def for_ever_and_deaf() -> None:
    while True:
        try:
            time.sleep(0.001)
        except Exception:
            continue


def waits_for_a_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def waits_for_an_event() -> None:
    asyncio.run(asyncio.Event().wait())


@pytest.mark.parametrize("answer", [for_ever, for_ever_and_deaf, waits_for_a_lock, waits_for_an_event])
def test_an_answer_that_does_not_end_is_stopped_and_told(answer: Callable[[], Any]) -> None:
    began = time.perf_counter()

    report = judged(answer)

    assert report.attempted
    assert not report.passed
    assert "had not ended after 0.3 seconds" in repr(report)
    assert time.perf_counter() - began < 10


def test_what_can_be_interrupted_leaves_no_thread_behind() -> None:
    judged(for_ever)

    assert not [thread for thread in threading.enumerate() if thread.name == "study-check"
                and thread.is_alive() and _runs(thread, "for_ever")]  # fmt: skip


def _runs(thread: threading.Thread, function: str) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == function:
            return True
        frame = frame.f_back
    return False


def test_an_answer_that_takes_all_the_memory_is_stopped_and_told() -> None:
    def eats() -> None:
        held = []
        while True:
            held.append(bytearray(10_000_000))
            time.sleep(0.001)

    assert "took more than 300 MB" in repr(judged(eats, seconds=20))


def interrupts() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("answer", "told"),
    [(sys.exit, "SystemExit"), (interrupts, "KeyboardInterrupt"), (lambda: [].pop(), "IndexError")],
)
def test_an_answer_that_would_end_the_kernel_is_a_report(answer: Callable[[], Any], told: str) -> None:
    assert told in repr(judged(answer))


def test_endless_recursion_is_a_report() -> None:
    def deeper() -> None:
        deeper()

    assert "RecursionError" in repr(judged(deeper))


def test_an_answer_within_the_limits_is_judged_as_ever() -> None:
    assert judged(lambda: None).passed


def test_it_works_where_an_event_loop_runs_already() -> None:
    async def notebook() -> Report:
        async def answer() -> int:
            return 1

        return judged(lambda: asyncio.run(answer()))

    assert asyncio.run(notebook()).passed


def test_an_answer_that_ends_by_itself_is_not_stopped_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[threading.Thread] = []  # to stop a thread on its last step prints a traceback in the notebook
    monkeypatch.setattr(limits, "_stop", stopped.append)

    assert judged(lambda: None).passed
    assert stopped == []
