"""Submit a script: run it here, and its jobs on a cluster.

A script builds a job and calls `execute()`, as in a notebook. Submitted, that job runs on the cluster instead of the
local runtime; the script needn't be changed for it. (As Apache Flink's own `flink run -py script.py`.)
"""

from __future__ import annotations

import contextlib
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recsys_lab.errors import JobError

_instead_of_local: list[Any] = []


def chosen(runtime: Any) -> Any:
    """The runtime for a job that asks for this one."""
    return _instead_of_local[-1] if _instead_of_local and runtime == "local" else runtime


@contextlib.contextmanager
def sent_to(runtime: Any) -> Iterator[None]:
    """Jobs for the local runtime are run on this one, as long as the block is entered."""
    _instead_of_local.append(runtime)
    try:
        yield
    finally:
        _instead_of_local.pop()


def submit(script: str | Path, runtime: Any, arguments: Sequence[str] = ()) -> None:
    """Run a script with these arguments, its jobs on this runtime. Raises JobError when there is no such script."""
    path = Path(script).resolve()
    if not path.is_file():
        raise JobError(f"script {str(script)!r} is not there; check the path.")
    before = sys.argv, sys.path[:]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    try:
        with sent_to(runtime):
            runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = before
