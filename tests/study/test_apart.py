"""An answer that ends its process, crashes it or holds it still costs the notebook nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import io
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from recsys_lab import study
from recsys_lab.study import apart as module
from recsys_lab.study.apart import apart
from recsys_lab.study.report import Report, judge

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="copies are made on Linux only")


def judged(answer: Callable[[], Any], *, seconds: float = 0.3, memory_mb: int = 300) -> Report:
    def check(answer: Callable[[], Any]) -> str:
        answer()
        return "it ended."

    return apart(lambda: judge(check, answer), seconds=seconds, memory_mb=memory_mb)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MORE_S", 0.5)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: os._exit(0),
        lambda: os._exit(7),
        lambda: os.kill(os.getpid(), signal.SIGKILL),
        lambda: (faulthandler.disable(), ctypes.string_at(0)),
    ],
    ids=["exit", "exit 7", "kill", "crash"],
)
def test_an_answer_that_ends_its_process_is_a_report(answer: Callable[[], Any]) -> None:
    assert "ended without a report" in repr(judged(answer))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("answer", [lambda: sum(range(10**14)), lambda: time.sleep(10**6)], ids=["compiled", "sleeps"])
def test_an_answer_that_holds_python_still_is_stopped_and_told(answer: Callable[[], Any]) -> None:
    began = time.perf_counter()

    assert "had not ended after 0.3 seconds" in repr(judged(answer))

    assert time.perf_counter() - began < 10


def test_an_answer_that_takes_all_memory_in_one_go_is_stopped_and_told() -> None:
    assert "took more than 100 MB" in repr(judged(lambda: list(range(10**9)), seconds=60, memory_mb=100))


def test_what_it_prints_is_shown_and_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged(lambda: print("seen")).passed
    assert capsys.readouterr().out == "seen\n"

    judged(lambda: print("x" * 10**6), seconds=5)
    assert len(capsys.readouterr().out) == module.MOST_PRINTED


def test_what_cannot_be_encoded_is_shown_with_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises() -> None:
        raise ValueError("\ud800")

    assert judged(lambda: print("é\ud800")).passed
    assert capsys.readouterr().out == "é\\ud800\n"
    assert "ValueError: \\ud800" in repr(judged(raises))

    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert judged(lambda: print("é")).passed
    narrow.flush()
    assert narrow.buffer.getvalue() == b"\\xe9\n"


def pipes() -> set[int]:
    found = set()
    for number in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                found.add(number)
    return found


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    "garbage",
    [b"garbage", b"\0\0\0\x07garbage", b"\0\0\0\x64", b"\x7f\xff\xff\xff", b'"\xff"', b"[" * 10**4, b"[[], 1]"],
    ids=["words", "framed", "begun", "large", "bytes", "deep", "shape"],
)
@pytest.mark.parametrize("after", [lambda: os._exit(0), lambda: time.sleep(10**6)], ids=["ends", "sleeps"])
def test_what_it_writes_where_the_report_is_sent_is_no_report(garbage: bytes, after: Callable[[], Any]) -> None:
    before = pipes()

    def answer() -> None:
        for number in pipes() - before:
            with contextlib.suppress(OSError):
                os.write(number, garbage)
        after()

    report = judged(answer)

    assert not report.passed
    assert "ended without a report" in repr(report) or "had not ended" in repr(report)


def is_gone(pid: int, *, within: float = 20) -> bool:
    until = time.perf_counter() + within
    while time.perf_counter() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_an_answer_that_ends_its_process_is_told_though_a_child_of_it_lives(tmp_path: Path) -> None:
    def answer() -> None:
        child = os.fork()
        if child == 0:
            time.sleep(600)
        (tmp_path / "pid").write_text(str(child))
        os._exit(3)

    assert "ended without a report" in repr(judged(answer, seconds=10))
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_processes_that_an_answer_started_end_with_the_check(tmp_path: Path) -> None:
    def answer() -> None:
        (tmp_path / "pid").write_text(str(subprocess.Popen(["sleep", "600"]).pid))

    assert judged(answer, seconds=10).passed
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_notebook_that_is_killed_takes_the_copy_with_it(tmp_path: Path) -> None:
    def notebook() -> None:
        judged(lambda: ((tmp_path / "pid").write_text(str(os.getpid())), time.sleep(600)), seconds=600)

    process = multiprocessing.get_context("fork").Process(target=notebook)
    process.start()
    until = time.perf_counter() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.perf_counter() < until
        time.sleep(0.02)
    process.kill()
    process.join()

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_what_it_does_to_variables_stays_in_the_copy() -> None:
    calls: list[int] = []
    assert judged(lambda: calls.append(1)).passed
    assert calls == []


def test_it_works_where_an_event_loop_and_threads_run_already() -> None:
    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(8)]
    for thread in threads:
        thread.start()

    async def notebook() -> list[Report]:
        async def answer() -> int:
            await asyncio.sleep(0)
            return 1

        return [judged(lambda: asyncio.run(answer()), seconds=20) for _ in range(20)]

    try:
        assert all(report.passed for report in asyncio.run(notebook()))
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_an_interrupt_ends_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Report:
        raise KeyboardInterrupt

    seen: list[int] = []
    monkeypatch.setattr(module, "_told", lambda by, copy, *_: (seen.append(copy.pid), interrupted()))

    with pytest.raises(KeyboardInterrupt):
        judged(lambda: time.sleep(600), seconds=600)

    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


@pytest.mark.usefixtures("at_once")
def test_a_question_is_checked_apart(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Live:
        def __init__(self) -> None:
            os._exit(3)

    assert "ended without a report" in repr(study.check("beginner-3", Live))


def test_where_there_is_no_safe_copy_the_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "had not ended after 0.3 seconds" in repr(judged(lambda: time.sleep(5)))
    assert judged(lambda: None).passed
