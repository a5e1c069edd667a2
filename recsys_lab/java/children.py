"""Child processes that never outlive their parent, whatever ends it: a return, Ctrl-C, a crash, `kill -9`.

The parent holds one end of a pipe; a small guard (`guard.py`) holds the other and the child. When the parent is
gone the system closes its end, whatever it died of, and the guard ends the child. The guard has a session of its
own: Ctrl-C in the terminal, or an interrupted notebook cell, reaches the parent and leaves the child to it. A forked
copy of the parent gives up its copy of that end at once; else the child would live as long as the copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakSet

GUARD = Path(__file__).with_name("guard.py")

_children: WeakSet[Child] = WeakSet()
_kept: list[int] = []
"""Ends of pipes that stay open until this process is gone."""


class Child:
    """A running command that ends with this process at the latest.

    command: program and arguments. log: file that its output is appended to. grace: seconds between asking it to
    end and ending it. remove: folders to delete, should this process be gone first. family: whether processes that the
    command starts end when it does.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        grace: float = 10.0,
        remove: Sequence[Path] = (),
        family: bool = False,
    ) -> None:
        self._grace = grace
        order = {
            "command": list(command),
            "log": str(log),
            "grace": grace,
            "remove": [str(path) for path in remove],
            "family": family,
        }
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), json.dumps(order)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        _children.add(self)
        assert self._guard.stdout is not None
        said = self._guard.stdout.readline()
        if not said:
            raise OSError(f"{command[0]} could not be started.")
        self.pid = int(said)

    @property
    def is_running(self) -> bool:
        """Whether the command goes on."""
        return self._guard.poll() is None

    def wait(self, timeout: float) -> bool:
        """Whether it ended within so many seconds."""
        try:
            self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def keep_to_the_end(self) -> None:
        """Let it run until this process is gone, also while the interpreter takes itself apart."""
        assert self._guard.stdin is not None
        _kept.append(os.dup(self._guard.stdin.fileno()))  # never closed by us; by the system, when we are gone

    def stop(self) -> None:
        """Ask it to end; end it when it has not after the grace. Safe to call twice."""
        if self.is_running:
            with contextlib.suppress(OSError, ValueError):
                assert self._guard.stdin is not None
                self._guard.stdin.write("stop\n")
                self._guard.stdin.flush()
            if not self.wait(self._grace):
                self.kill()
        self._let_go()

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self.is_running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._guard.wait()
        self._let_go()

    def _let_go(self) -> None:
        for end in (self._guard.stdin, self._guard.stdout):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()

    def _ends(self) -> list[int]:
        ends = (self._guard.stdin, self._guard.stdout)
        return [end.fileno() for end in ends if end is not None and not end.closed]


def _let_go_in_the_copy() -> None:
    """In a forked copy of this process: the children are not its own, and it must not hold their pipes open.

    The descriptors lead nowhere from now on, instead of being closed: their numbers stay taken, so that a file object
    which closes its own later closes nobody else's.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for end in [end for child in _children for end in child._ends()]:
        os.dup2(nowhere, end, inheritable=False)
    for end in [nowhere, *_kept]:
        os.close(end)
    _kept.clear()


os.register_at_fork(after_in_child=_let_go_in_the_copy)
