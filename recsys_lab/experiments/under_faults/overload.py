"""More comes than can be worked on: where does it wait, and what is lost?

A log is read into a buffer, and a worker takes from the buffer. For a while visits come faster than the worker works.
Three ways to stand that, simulated with simpy:

    unbounded     read everything at once; the buffer grows as long as it must
    drop          a buffer of a fixed size; what finds it full is thrown away
    backpressure  a buffer of a fixed size; when it is full the reader stops, and the rest waits in the log

The log is durable, and the buffer is memory: what is in it is gone if the process dies.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import pandas as pd
import simpy

from recsys_lab.errors import InvalidEvent, shorten

WAYS = ("unbounded", "drop", "backpressure")
CAPACITY = 20.0
"""Visits that the worker manages in a second."""

CALM, RUSH = 12.0, 40.0
"""Visits that come in a second, before and after the rush, and in it."""

RUSH_STARTS, RUSH_SECONDS, SECONDS = 20.0, 20.0, 120.0
BUFFER = 50


class Traffic(NamedTuple):
    """How many visits come in a second, and how many can be worked on. even: without any chance."""

    calm: float = CALM
    rush: float = RUSH
    rush_starts: float = RUSH_STARTS
    rush_seconds: float = RUSH_SECONDS
    seconds: float = SECONDS
    capacity: float = CAPACITY
    even: bool = False

    def arrivals(self, chance: random.Random) -> Iterator[float]:
        """The moments at which visits come; without chance, as evenly as the rate allows."""
        time, need = 0.0, self._need(chance)
        while time < self.seconds:
            in_rush = self.rush_starts <= time < self.rush_starts + self.rush_seconds
            rate = self.rush if in_rush else self.calm
            turns = [t for t in (self.rush_starts, self.rush_starts + self.rush_seconds) if t > time]
            until = min([*turns, self.seconds])
            if time + need / rate > until:
                need -= (until - time) * rate
                time = until
            else:
                time += need / rate
                need = self._need(chance)
                yield time

    def work_seconds(self, chance: random.Random) -> float:
        """What one visit takes."""
        return self._need(chance) / self.capacity

    def _need(self, chance: random.Random) -> float:
        return 1.0 if self.even else chance.expovariate(1.0)


def overload(
    way: str = "backpressure", *, buffer: int = BUFFER, traffic: Traffic | None = None, seed: int = 0
) -> pd.DataFrame:
    """What a rush does, visit by visit.

    way: one of WAYS. buffer: visits that it holds, the one at work not among them. seed: of arrivals and work.
    Columns: way, visit, came, read (into the buffer; NaN if never), began, done (NaN if dropped), all in seconds.
    """
    if way not in WAYS:
        raise InvalidEvent(f"way is {shorten(way)}; one of {', '.join(WAYS)} is needed.")
    if isinstance(buffer, bool) or not isinstance(buffer, int) or buffer < 1:
        raise InvalidEvent(f"buffer is {shorten(buffer)}; a whole number from 1 is needed.")
    traffic = traffic or Traffic()
    rows = _Shop(way, buffer, traffic, seed).run()
    table = pd.DataFrame(rows, columns=["came", "read", "began", "done"])
    table.insert(0, "visit", range(1, len(table) + 1))
    table.insert(0, "way", way)
    return table


def by_second(visits: pd.DataFrame, *, seconds: float | None = None) -> pd.DataFrame:
    """Where the visits are, at the end of each second. visits: of `overload`.

    Columns: way, second, in_log (came, not yet read), in_memory (in the buffer), dropped (so far), done (so far),
    delay_s (from coming to done, of those done in that second; NaN for none).
    """
    last = seconds or max(visits["came"].max(), visits["done"].max())
    came, read, began, done = (visits[name].to_numpy() for name in ("came", "read", "began", "done"))
    taken = visits["done"].notna().to_numpy()
    rows = []
    for second in range(1, int(last) + 1):
        arrived = came <= second
        finished = done <= second
        now = finished & (done > second - 1)
        rows.append(
            (
                visits["way"].iloc[0], second, int((arrived & taken & ~(read <= second)).sum()),
                int((arrived & (read <= second) & ~(began <= second)).sum()), int((arrived & ~taken).sum()),
                int(finished.sum()), float((done[now] - came[now]).mean()) if now.any() else float("nan"),
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["way", "second", "in_log", "in_memory", "dropped", "done", "delay_s"])


def overloads(*, buffer: int = BUFFER, rush: float = RUSH, seed: int = 0) -> pd.DataFrame:
    """`by_second` of all three ways under one rush. buffer, seed: as in `overload`. rush: visits a second in it."""
    traffic = Traffic(rush=rush)
    parts = [by_second(overload(way, buffer=buffer, traffic=traffic, seed=seed)) for way in WAYS]
    return pd.concat(parts, ignore_index=True)


class _Shop:
    def __init__(self, way: str, buffer: int, traffic: Traffic, seed: int) -> None:
        self.way, self.limit, self.traffic = way, buffer, traffic
        self.chance = random.Random(seed)
        self.env = simpy.Environment()
        self.log: deque[list[float]] = deque()
        self.buffer: deque[list[float]] = deque()
        self.visits: list[list[float]] = []
        self.wakes = self.env.event()

    def run(self) -> list[list[float]]:
        arrivals = list(self.traffic.arrivals(random.Random(self.chance.random())))
        self.env.process(self._arrive(arrivals))
        self.env.process(self._work())
        self.env.run()  # until nothing is left to happen: the worker waits for a visit that never comes
        return self.visits

    def _arrive(self, arrivals: list[float]) -> Generator[Any, Any, Any]:
        nan = float("nan")
        for time in arrivals:
            yield self.env.timeout(time - self.env.now)
            visit = [time, nan, nan, nan]
            self.visits.append(visit)
            if self.way == "drop" and len(self.buffer) >= self.limit:
                continue
            self.log.append(visit)
            self._read()
            if not self.wakes.triggered:
                self.wakes.succeed()

    def _read(self) -> None:
        """From the log into the buffer, as far as there is room."""
        while self.log and (self.way == "unbounded" or len(self.buffer) < self.limit):
            visit = self.log.popleft()
            visit[1] = self.env.now
            self.buffer.append(visit)

    def _work(self) -> Generator[Any, Any, Any]:
        while True:
            if not self.buffer:
                self.wakes = self.env.event()
                yield self.wakes
                continue
            visit = self.buffer.popleft()
            visit[2] = self.env.now
            self._read()
            yield self.env.timeout(self.traffic.work_seconds(self.chance))
            visit[3] = self.env.now
