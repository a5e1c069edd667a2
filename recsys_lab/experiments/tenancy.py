"""Many tenants on one server: who waits, and for how long, when one of them is noisy.

A discrete-event simulation: requests arrive at random moments, one server works on one request at a time and never
breaks one off. A scheduler says which request is next. Three of them stand here, none of which keeps tenants apart:
that is left to the reader.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import simpy

QUOTA = 50
QUIET = ("blue", "green", "grey")
NOISY = "red"


class Tenant(NamedTuple):
    """Somebody who sends requests, from begins_s on. cost_ms: what one takes, within half of it either way."""

    name: str
    per_second: float
    cost_ms: float
    begins_s: float = 0.0


class Arrival(NamedTuple):
    """A request that comes in."""

    at_ms: float
    tenant: str
    request: str
    cost_ms: float


class Served(NamedTuple):
    """What became of a request. ended_ms: None where it was refused, or still waits at the end."""

    arrival: Arrival
    accepted: bool
    ended_ms: float | None

    @property
    def latency_ms(self) -> float:
        """From its arrival to its end; infinite where there was none."""
        return float("inf") if self.ended_ms is None else self.ended_ms - self.arrival.at_ms


class Scheduler(Protocol):
    """Whose turn is it?"""

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        """A request comes in: whether it is taken."""
        ...

    def next(self) -> str | None:
        """The request that is served next; it no longer waits. None when none waits."""
        ...


class FirstCome:
    """One queue for all, in order of arrival."""

    def __init__(self) -> None:
        self._queue: deque[str] = deque()

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        """Take every request."""
        self._queue.append(request)
        return True

    def next(self) -> str | None:
        """The oldest."""
        return self._queue.popleft() if self._queue else None


class FirstComeWithQuota(FirstCome):
    """The same, but of each tenant at most so many wait."""

    def __init__(self, quota: int = QUOTA) -> None:
        super().__init__()
        self._quota = quota
        self._tenant_of: dict[str, str] = {}

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        """Take it where fewer than the quota wait."""
        if list(self._tenant_of.values()).count(tenant) >= self._quota:
            return False
        self._tenant_of[request] = tenant
        return super().submit(tenant, request, cost_ms)

    def next(self) -> str | None:
        """The oldest."""
        request = super().next()
        self._tenant_of.pop(request or "", None)
        return request


class TurnByTurn:
    """A queue for each tenant, with a quota; tenants who wait take turns, a request each (Nagle 1987)."""

    def __init__(self, quota: int = QUOTA) -> None:
        self._quota = quota
        self._queues: dict[str, deque[str]] = {}

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        """Take it where fewer than the quota wait."""
        queue = self._queues.setdefault(tenant, deque())
        if len(queue) >= self._quota:
            return False
        queue.append(request)
        return True

    def next(self) -> str | None:
        """The oldest of the tenant whose turn it is, who then goes to the end of the row."""
        for tenant in list(self._queues):
            queue = self._queues.pop(tenant)
            if queue:
                request = queue.popleft()
                self._queues[tenant] = queue
                return request
        return None


schedulers = {"first come": FirstCome, "quota": FirstComeWithQuota, "turns": TurnByTurn}
"""The three, by name."""


def crowd(noisy_per_second: float, noisy_cost_ms: float) -> list[Tenant]:
    """Three quiet tenants, 25 requests a second of 4 ms each, and a noisy one."""
    return [*(Tenant(name, 25, 4) for name in QUIET), Tenant(NOISY, noisy_per_second, noisy_cost_ms)]


def arrivals(tenants: Sequence[Tenant], *, seconds: float, seed: int) -> list[Arrival]:
    """Requests of all, in order of arrival, at the moments of Poisson processes."""
    rows = []
    for number, tenant in enumerate(tenants):
        random = np.random.default_rng((seed, number))
        count = random.poisson(tenant.per_second * (seconds - tenant.begins_s))
        moments = np.sort(random.uniform(1000 * tenant.begins_s, 1000 * seconds, count))
        costs = tenant.cost_ms * random.uniform(0.5, 1.5, count)
        rows += [
            (float(moment.round(3)), tenant.name, float(cost.round(3)))
            for moment, cost in zip(moments, costs, strict=True)
        ]
    return [Arrival(at, name, f"{name} {number}", cost) for number, (at, name, cost) in enumerate(sorted(rows))]


def serve(scheduler: Scheduler, requests: Sequence[Arrival]) -> list[Served]:
    """What becomes of each request, in order of arrival; the server goes on until nothing waits."""
    env = simpy.Environment()
    by_name = {each.request: each for each in requests}
    taken: set[str] = set()
    ended: dict[str, float] = {}
    asleep: list[simpy.Event] = []

    def arrive() -> Generator[simpy.Event, Any, None]:
        for each in requests:
            yield env.timeout(each.at_ms - env.now)
            if scheduler.submit(each.tenant, each.request, each.cost_ms):
                taken.add(each.request)
            if asleep:
                asleep.pop().succeed()

    def work() -> Generator[simpy.Event, Any, None]:
        while True:
            request = scheduler.next()
            if request is None:
                asleep.append(env.event())
                yield asleep[0]
            else:
                yield env.timeout(by_name[request].cost_ms)
                ended[request] = env.now

    env.process(arrive())
    env.process(work())
    env.run()
    return [Served(each, each.request in taken, ended.get(each.request)) for each in requests]


def tenants(
    scheduler: Scheduler | None = None,
    *,
    noisy_per_second: float = 40,
    noisy_cost_ms: float = 40,
    seconds: float = 20,
    seed: int = 1,
) -> pd.DataFrame:
    """Latency of each tenant, alone and beside a noisy one.

    scheduler: with `submit` and `next`, as study question advanced-1 asks for; `FirstCome()` where none is given.
    noisy_per_second, noisy_cost_ms: requests of the noisy one, and what each takes. Columns: tenant, noisy, requests,
    refused, p50_ms, p99_ms (of those that were served), work_s (of the server, for this tenant).
    """
    served = serve(
        scheduler or FirstCome(), arrivals(crowd(noisy_per_second, noisy_cost_ms), seconds=seconds, seed=seed)
    )
    rows: list[dict[str, Any]] = []
    for name in (*QUIET, NOISY):
        own = [each for each in served if each.arrival.tenant == name]
        done = [each for each in own if each.ended_ms is not None]
        p50, p99 = np.percentile([each.latency_ms for each in done] or [0.0], [50, 99])
        rows.append(
            {"tenant": name, "noisy": name == NOISY, "requests": len(own), "refused": len(own) - len(done),
             "p50_ms": p50, "p99_ms": p99, "work_s": sum(each.arrival.cost_ms for each in done) / 1000}
        )  # fmt: skip
    return pd.DataFrame(rows)
