"""The lab's time and ids: one clock, one seed, one source of ids.

Nothing in the lab asks the machine what time it is. It asks the clock it was given. On a `SimulatedClock`
an hour passes when you say so, a cache entry expires in the line after, and a run gives the same output
today and next year. On the `SystemClock` the same code runs live. (Trio's MockClock is the model.)

    >>> clock = SimulatedClock()
    >>> clock.advance(timedelta(minutes=5))
    >>> clock.now().isoformat()
    '2026-01-01T00:05:00+00:00'
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import random
import threading
import uuid
from datetime import datetime, timedelta, timezone
from typing import Literal, Protocol

from recsys_lab.checks import moment
from recsys_lab.errors import shorten


class Clock(Protocol):
    """What the time is, and a way to wait."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed on this clock; at the next turn of the loop for 0 or less.

        Raises ValueError when `seconds` is NaN, infinite, or ends after the year 9999.
        """


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    async def sleep(self, seconds: float) -> None:
        _deadline(self.now(), seconds)
        await asyncio.sleep(seconds)


class SimulatedClock:
    """A clock that stands still until it is turned.

    Sleepers wake in order of their deadline, equal deadlines in order of their call to `sleep`.
    `advance` and `set` may be called from any thread.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=timezone.utc)) -> None:
        self._now = moment("start", start)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._calls = itertools.count()
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"SimulatedClock({self._now.isoformat()})"

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        with self._lock:
            deadline = _deadline(self._now, seconds)
            over = deadline <= self._now
            if not over:
                heapq.heappush(self._sleepers, (deadline, next(self._calls), wake))
        await (asyncio.sleep(0) if over else wake)

    def advance(self, duration: timedelta) -> None:
        """Let `duration` pass and wake whoever's deadline came. Raises ValueError when it is negative."""
        with self._lock:
            self.set(self._now + duration)

    def set(self, time: datetime) -> None:
        """Make it `time` and wake whoever's deadline came. Raises ValueError when that lies in the past."""
        time = moment("time", time)
        with self._lock:
            if time < self._now:
                raise ValueError(
                    f"time is {time.isoformat()}, before the clock's {self._now.isoformat()}; "
                    "a clock never goes backwards. Make a new SimulatedClock to start again."
                )
            self._now = time
            while self._sleepers and self._sleepers[0][0] <= time:
                _wake(heapq.heappop(self._sleepers)[2])

    async def run_until_idle(self) -> None:
        """Jump from deadline to deadline until nobody sleeps; between jumps, let all that woke do its work.

        Sleepers on the event loops of other threads are woken too, but what they do then is not waited for.
        """
        await _let_everything_run()
        while (deadline := self._next_deadline()) is not None:
            self.set(deadline)
            await _let_everything_run()

    def _next_deadline(self) -> datetime | None:
        with self._lock:
            while self._sleepers and _gone(self._sleepers[0][2]):
                heapq.heappop(self._sleepers)
            return self._sleepers[0][0] if self._sleepers else None


class IdSource:
    """Ids that are the same on every run: `evt-000001`, `evt-000002` … or UUIDs drawn from the seed.

    prefix: what stands before the number. kind: "sequence", or "uuid" where several programs with different
    seeds share one stream, or "unique" for UUIDs that nobody has had before, seed or not: for what outlives a run, such
    as records in Kafka. Safe to call from several threads.
    """

    def __init__(self, seed: int = 0, *, prefix: str = "evt", kind: Literal["sequence", "uuid", "unique"] = "sequence"):
        if kind not in ("sequence", "uuid", "unique"):
            raise ValueError(f'kind is {shorten(kind)}; "sequence", "uuid" or "unique" is needed.')
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._random = {"uuid": random.Random(seed), "unique": random.Random(os.urandom(16))}.get(kind)

    def __call__(self) -> str:
        """The next id."""
        if self._random is None:
            return f"{self._prefix}-{next(self._numbers):06d}"
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _deadline(now: datetime, seconds: float) -> datetime:
    try:
        return now + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise ValueError(
            f"seconds is {shorten(seconds)}; a finite number that ends before the year 10000 is needed. "
            "To wait for good, await an asyncio.Event."
        ) from None


def _gone(sleeper: asyncio.Future[None]) -> bool:
    """Was it cancelled, or has its loop ended?"""
    return sleeper.done() or sleeper.get_loop().is_closed()


def _wake(sleeper: asyncio.Future[None]) -> None:
    def finish() -> None:
        if not sleeper.done():
            sleeper.set_result(None)

    loop = sleeper.get_loop()
    try:
        on_its_loop = asyncio.get_running_loop() is loop
    except RuntimeError:
        on_its_loop = False
    if on_its_loop:
        finish()
    else:
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(finish)


async def _let_everything_run() -> None:
    """Yield to the event loop until none of its callbacks is ready.

    asyncio does not say when it is idle, so this looks at the loop's queue of ready callbacks; on a loop
    that has none to look at, a hundred turns are taken instead.
    """
    ready = getattr(asyncio.get_running_loop(), "_ready", None)
    for turn in itertools.count():
        await asyncio.sleep(0)
        if not ready if ready is not None else turn >= 100:
            return
