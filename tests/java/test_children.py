"""Child processes end with their parent, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from recsys_lab.java.children import Child
from tests.kafka.helpers import environment, eventually, is_gone

FOR_EVER = [sys.executable, "-S", "-c", "import time; print('here', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable, "-S", "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]  # fmt: skip

PARENT = """
import sys, time
from pathlib import Path
from recsys_lab.java.children import Child
folder = Path(sys.argv[1])
command = [sys.executable, "-S", "-c", "import time; print('here', flush=True); time.sleep(600)"]
child = Child(command, folder.parent / "log", remove=[folder] if sys.argv[2] == "remove" else [])
print(child.pid, child._guard.pid, flush=True)
time.sleep(600)
"""

COPIED = """
import os, sys, time
from pathlib import Path
from recsys_lab.java.children import Child
child = Child([sys.executable, "-S", "-c", "import time; time.sleep(600)"], Path(sys.argv[1]))
if sys.argv[2] == "kept to the end":
    child.keep_to_the_end()
copy = os.fork()
if copy == 0:
    time.sleep(60)
    os._exit(0)
print(child.pid, child._guard.pid, copy, flush=True)
time.sleep(600)
"""


def is_up(log: Path) -> bool:
    return log.is_file() and "here" in log.read_text()


def a_child(folder: Path, command: list[str] = FOR_EVER, **options: object) -> Child:
    child = Child(command, folder / "log", **options)
    eventually(lambda: is_up(folder / "log"), "the child is up")
    return child


def a_parent(folder: Path, keeps: str) -> tuple[subprocess.Popen[str], int, int]:
    """A process that has a child: the process, and the ids of the child and of the child's guard."""
    folder.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), keeps], stdout=subprocess.PIPE, text=True, env=environment()
    )
    assert parent.stdout is not None
    child, guard = map(int, parent.stdout.readline().split())
    eventually(lambda: is_up(folder.parent / "log"), "the child is up")
    return parent, child, guard


def test_a_child_runs_until_it_is_stopped_and_its_output_is_in_the_log(tmp_path):
    child = a_child(tmp_path)
    assert child.is_running
    assert psutil.pid_exists(child.pid)
    assert not child.wait(0.01)
    child.stop()
    assert not child.is_running
    assert is_gone(child.pid)
    child.stop()


def test_a_child_that_does_not_listen_is_killed_after_the_grace(tmp_path):
    child = a_child(tmp_path, DEAF, grace=0.1)
    child.stop()
    assert is_gone(child.pid)


def test_kill_ends_it_at_once_even_when_it_does_not_listen(tmp_path):
    child = a_child(tmp_path, DEAF)
    child.kill()
    assert is_gone(child.pid)
    assert not child.is_running
    child.kill()


def test_a_child_that_ends_by_itself_is_noticed(tmp_path):
    child = Child([sys.executable, "-S", "-c", "pass"], tmp_path / "log")
    assert child.wait(60)
    assert not child.is_running
    child.stop()


def test_a_command_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(OSError, match="no-such-program"):
        Child(["/no-such-program"], tmp_path / "log")


def test_a_log_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(OSError, match="could not be started"):
        Child(FOR_EVER, tmp_path / "no folder" / "log")


@pytest.mark.parametrize("keeps", ["remove", "keep"])
def test_kill_9_of_the_parent_ends_the_child_and_removes_what_was_to_go(tmp_path, keeps):
    folder = tmp_path / "data"
    parent, child, guard = a_parent(folder, keeps)
    parent.kill()
    parent.wait()
    eventually(lambda: is_gone(child) and is_gone(guard), "the child and its guard are gone")
    assert folder.exists() == (keeps == "keep")


@pytest.mark.parametrize("kept", ["kept to the end", "as it is"])
def test_a_forked_copy_of_the_parent_does_not_keep_the_child(tmp_path, kept):
    command = [sys.executable, "-c", COPIED, str(tmp_path / "log"), kept]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as parent:
        assert parent.stdout is not None
        child, guard, copy = map(int, parent.stdout.readline().split())
        parent.kill()
        parent.wait()
        try:
            eventually(lambda: is_gone(child) and is_gone(guard), "the child and its guard are gone", 20)
            assert not is_gone(copy)
        finally:
            os.kill(copy, signal.SIGKILL)


def test_a_forked_copy_that_ends_or_lets_go_leaves_the_child_to_the_parent(tmp_path):
    child = a_child(tmp_path)
    copy = os.fork()
    if copy == 0:
        try:
            child.stop()
        finally:
            os._exit(0)
    assert os.waitpid(copy, 0)[1] == 0
    assert not child.wait(0.5)
    child.stop()
    assert is_gone(child.pid)


def test_kill_9_of_the_guard_ends_the_child(tmp_path):
    parent, child, guard = a_parent(tmp_path / "data", "keep")
    os.kill(guard, signal.SIGKILL)
    eventually(lambda: is_gone(child), "the child is gone")
    parent.kill()
    parent.wait()


def test_ctrl_c_reaches_the_parent_and_leaves_the_child_to_it(tmp_path):
    parent, child, guard = a_parent(tmp_path / "data", "keep")
    assert os.getpgid(child) != os.getpgid(parent.pid)
    os.kill(guard, signal.SIGINT)
    os.kill(child, 0)
    assert not is_gone(guard)
    parent.kill()
    parent.wait()
    eventually(lambda: is_gone(child), "the child is gone")
