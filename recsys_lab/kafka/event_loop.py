"""One event loop on a thread of its own: where processors run, for as long as the consumers do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

CLOSE_SECONDS = 5.0


class LoopThread:
    """Runs coroutines for other threads. `close` cancels what still runs and ends the thread.

    A coroutine that blocks its thread, instead of awaiting, cannot be cancelled: its thread is left behind then.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine; its result comes in the future."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what still runs, and return when the thread has ended, or does not end."""
        cancelled = self.submit(_cancel_the_others())
        if wait([cancelled], CLOSE_SECONDS).done:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


def settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], outcome: Any) -> None:
    """Give a future of that loop its outcome, from any thread: a value, or the error to raise."""

    def now() -> None:
        if future.done():
            return
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    with contextlib.suppress(RuntimeError):  # the loop is gone, and so is who waited
        loop.call_soon_threadsafe(now)


async def _cancel_the_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
