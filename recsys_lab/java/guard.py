"""The guard: runs one command, and ends it when the parent is gone. A program of its own; nothing imports it.

    python guard.py '{"command": [...], "log": "...", "grace": 10, "remove": [...], "family": false}'

It says the command's process id on standard output and then reads standard input, whose other end the parent
holds. "stop" asks the command to end itself; the end of input means that the parent is gone, also by SIGKILL:
then the command is ended and the folders in "remove" are deleted. With "family", processes that the command
started end when it does. Only the standard library is used, so that it starts in a few milliseconds.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import Any

PR_SET_PDEATHSIG = 1


def main(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    with open(order["log"], "ab") as log:
        child = subprocess.Popen(
            order["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=_end_with_the_guard if sys.platform == "linux" else None,
        )  # fmt: skip
    print(child.pid, flush=True)
    threading.Thread(target=_watch, args=(child, order), daemon=True).start()
    code = child.wait()
    if _parent_is_gone.is_set():
        _remove(order)
    if order["family"]:
        os.killpg(0, signal.SIGKILL)  # what the command started and left behind; this program too
    os._exit(code if code >= 0 else 128 - code)


_parent_is_gone = threading.Event()


def _watch(child: subprocess.Popen[bytes], order: dict[str, Any]) -> None:
    """Obey the parent until it is gone; the end of the child ends the whole program."""
    for line in sys.stdin:
        if line.strip() == "stop":
            child.terminate()
    _parent_is_gone.set()
    if order["remove"]:
        child.kill()  # nothing of it is kept
        return
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(order["grace"])
        return
    child.kill()


def _remove(order: dict[str, Any]) -> None:
    for folder in order["remove"]:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_the_guard() -> None:
    """Linux tells the command when the guard itself is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
