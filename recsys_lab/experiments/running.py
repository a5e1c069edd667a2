"""Running what is asynchronous from a plain function.

An experiment is a plain function, so that a script, a test and a slider can call it alike. The engine's calls
are coroutines. A notebook already runs an event loop, which cannot be entered twice; so the coroutine gets a
thread and a loop of its own, and the caller waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What the coroutine gives, or the error it raises; also where an event loop is running already."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
