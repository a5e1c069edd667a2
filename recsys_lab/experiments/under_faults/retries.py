"""Retries: a cure for single failures, and the disease of an overloaded service.

A service answers in order, so many calls a second. Its callers wait a second for an answer, then give up and, by
their policy, call again. The service does not know that: it works through calls that nobody waits for any more. After
a short outage the queue is long, every answer comes too late, every call is repeated, and so the queue stays long. That
state outlives its cause: a metastable failure (Bronson, Aghayev, Charapko and Zhu, "Metastable failures in distributed
systems", HotOS 2021).

Policies: waiting longer each time (exponential back-off), by chance (full jitter: Brooker, "Exponential backoff and
jitter", AWS Architecture Blog 2015), a retry budget ("Handling overload", in Beyer et al., "Site reliability
engineering", 2016), a circuit breaker (Nygard, "Release it!", 2007). Simulated with simpy.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal

import pandas as pd
import simpy

from recsys_lab.errors import InvalidEvent, shorten

POLICIES = ("no retries", "at once", "back-off", "back-off and jitter", "retry budget", "circuit breaker")

CAPACITY = 50.0
TIMEOUT_SECONDS = 1.0
RETRIES = 3
LOAD = 0.7
OUTAGE_STARTS = 30
OUTAGE_SECONDS = 6
SECONDS = 120

LONGEST_WAIT = 8.0
BUDGET, BUDGET_MOST = 0.1, 10.0
"""A request earns a tenth of a retry; ten retries can be saved up."""

REFUSAL = 0.1
"""The work of a refusal, as a share of that of an answer."""

LOOKS_AT, TRIPS_AT, OPEN_SECONDS = 20, 0.5, 5.0
"""The breaker opens when half of the last twenty calls failed, and lets one call try again after five seconds."""


def storm(
    policies: Sequence[str] = POLICIES,
    *,
    load: float = LOAD,
    outage: int = OUTAGE_SECONDS,
    seconds: int = SECONDS,
    longest_queue: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """A service that does nothing for a while, and what its callers make of it.

    load: requests as a share of the service's capacity of 50 a second, above 0. outage: seconds, from second 30 on.
    longest_queue: calls that find more waiting are refused at once; None for no limit. seed: of arrivals and work.
    A row for each policy and second. Columns: policy, second, requests (that began), calls (first ones and retries),
    answered (requests that got their answer in time, by the second in which they began), refused (calls), queue
    (calls waiting at its end), outage (in it or not), load, capacity (calls a second).
    """
    if not load > 0 or outage < 0 or outage > seconds - OUTAGE_STARTS:
        raise InvalidEvent(
            f"load is {shorten(load)} and outage {shorten(outage)}; a load above 0 and an outage of 0 to "
            f"{seconds - OUTAGE_STARTS} seconds are needed."
        )
    parts = []
    for policy in policies:
        table = _Service(policy, load, outage, seconds, longest_queue, seed).run()
        table.insert(0, "policy", policy)
        parts.append(table)
    return pd.concat(parts, ignore_index=True).assign(load=load, capacity=CAPACITY)


def recovered(table: pd.DataFrame, *, share: float = 0.95, steady: int = 5) -> pd.DataFrame:
    """For each policy: how it went. table: of `storm`.

    Columns: policy, answered (share of all requests), calls (for each request), recovered_s (seconds from the end of
    the outage until at least `share` of the requests of `steady` seconds in a row were answered; NaN for never).
    """
    rows = []
    for policy, part in table.groupby("policy", sort=False):
        over = OUTAGE_STARTS + int(part["outage"].sum())
        after = part[(part["second"] >= over) & (part["second"] < part["second"].max() - 4 * RETRIES)]
        good = after["answered"].rolling(steady).sum() >= share * after["requests"].rolling(steady).sum()
        recovers = float(after.loc[good, "second"].min() - over - steady + 1) if good.any() else float("nan")
        answered, requests = part["answered"].sum(), part["requests"].sum()
        rows.append((policy, answered / requests, part["calls"].sum() / requests, recovers))
    return pd.DataFrame(rows, columns=["policy", "answered", "calls", "recovered_s"])


Delay = Callable[[int, random.Random], float]
"""Retry number (from 1) and chance → seconds to wait before it."""


def at_once(retry: int, chance: random.Random) -> float:
    """No wait."""
    return 0.0


def back_off(retry: int, chance: random.Random) -> float:
    """1, 2, 4 … seconds, at most LONGEST_WAIT."""
    return min(LONGEST_WAIT, 2.0 ** (retry - 1))


def back_off_and_jitter(retry: int, chance: random.Random) -> float:
    """Anything from 0 to what `back_off` says."""
    return chance.uniform(0.0, back_off(retry, chance))


DELAYS: dict[str, Delay] = {"at once": at_once, "back-off": back_off, "back-off and jitter": back_off_and_jitter}


def herd(delay: Delay, *, clients: int = 400, accepts: int = 50, seconds: int = 150, seed: int = 0) -> pd.DataFrame:
    """All clients lose their connection in one moment, and come back.

    In a second the server can accept so many, and nothing else; a refusal is a tenth of the work. Those who come first
    are accepted as far as there is time to refuse the others, who wait as `delay` says.
    Columns: second, calls, accepted; also for seconds without calls.
    """
    chance = random.Random(seed)
    calls: dict[int, list[tuple[float, int, int]]] = {0: [(0.0, client, 1) for client in range(clients)]}
    rows = []
    for second in range(seconds):
        coming = sorted(calls.pop(second, []))
        accepted = _accepted(len(coming), accepts)
        rows.append((second, len(coming), accepted))
        for time, client, retry in coming[accepted:]:
            again = time + max(0.0, delay(retry, chance))
            again = max(again, second + 1.0)  # refused: what is left of this second is lost
            calls.setdefault(int(again), []).append((again, client, retry + 1))
    return pd.DataFrame(rows, columns=["second", "calls", "accepted"])


def _accepted(coming: int, accepts: int) -> int:
    """How many of them can be accepted in a second when all the others have to be refused."""
    if coming <= accepts:
        return coming
    return max(0, int((accepts - REFUSAL * coming) / (1.0 - REFUSAL)))


def herds(*, clients: int = 400, accepts: int = 50, seed: int = 0) -> pd.DataFrame:
    """`herd` under each way to wait: its columns, and `policy`, `accepts`."""
    parts = [
        herd(delay, clients=clients, accepts=accepts, seed=seed).assign(policy=name) for name, delay in DELAYS.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(accepts=accepts)


class _Service:
    """One run: callers, queue and worker."""

    def __init__(
        self, policy: str, load: float, outage: int, seconds: int, longest_queue: int | None, seed: int
    ) -> None:
        if policy not in POLICIES:
            raise InvalidEvent(f"policy is {shorten(policy)}; one of {', '.join(POLICIES)} is needed.")
        self.env = simpy.Environment()
        self.policy, self.load, self.outage, self.seconds = policy, load, outage, seconds
        self.longest_queue = longest_queue
        parts = ("arrivals", "work", "waits")
        self.arrivals, self.work, self.waits = (random.Random(f"{seed} {part}") for part in parts)
        self.queue: deque[Any] = deque()
        self.wakes = self.env.event()
        self.counts = {name: Counter[int]() for name in ("requests", "calls", "answered", "refused", "queue")}
        self.budget = BUDGET_MOST
        self.breaker = _Breaker()

    def run(self) -> pd.DataFrame:
        for process in (self._arrive(), self._serve(), self._look()):
            self.env.process(process)
        self.env.run(until=self.seconds)
        table = pd.DataFrame({"second": range(self.seconds)})
        for name, counter in self.counts.items():
            table[name] = [counter[second] for second in range(self.seconds)]
        ends = OUTAGE_STARTS + self.outage
        return table.assign(outage=(table["second"] >= OUTAGE_STARTS) & (table["second"] < ends))

    def _arrive(self) -> Generator[Any, Any, Any]:
        while True:
            yield self.env.timeout(self.arrivals.expovariate(self.load * CAPACITY))
            self.env.process(self._request(int(self.env.now)))

    def _request(self, began: int) -> Generator[Any, Any, Any]:
        self.counts["requests"][began] += 1
        self.budget = min(BUDGET_MOST, self.budget + BUDGET)
        for retry in range(RETRIES + 1):
            if retry:
                if not self._may_retry():
                    return
                wait = DELAYS.get(self.policy, at_once)(retry, self.waits)
                if wait:
                    yield self.env.timeout(wait)
            admitted = self.breaker.admit(self.env.now) if self.policy == "circuit breaker" else "call"
            if admitted is None:
                return
            self.counts["calls"][int(self.env.now)] += 1
            call = self._call()
            if call is not None:
                yield call | self.env.timeout(TIMEOUT_SECONDS)
            in_time = call is not None and call.triggered
            self.breaker.note(admitted, in_time, self.env.now)
            if in_time:
                self.counts["answered"][began] += 1
                return

    def _may_retry(self) -> bool:
        if self.policy == "no retries":
            return False
        if self.policy == "retry budget":
            if self.budget < 1:
                return False
            self.budget -= 1
        return True

    def _call(self) -> Any:
        """A place in the queue, or None when it is full."""
        if self.longest_queue is not None and len(self.queue) >= self.longest_queue:
            self.counts["refused"][int(self.env.now)] += 1
            return None
        call = self.env.event()
        self.queue.append(call)
        if not self.wakes.triggered:
            self.wakes.succeed()
        return call

    def _serve(self) -> Generator[Any, Any, Any]:
        ends = OUTAGE_STARTS + self.outage
        while True:
            if OUTAGE_STARTS <= self.env.now < ends:
                yield self.env.timeout(ends - self.env.now)
            if not self.queue:
                self.wakes = self.env.event()
                yield self.wakes
                continue
            call = self.queue.popleft()
            yield self.env.timeout(self.work.expovariate(CAPACITY))
            call.succeed()  # whether anybody still waits for it or not

    def _look(self) -> Generator[Any, Any, Any]:
        while True:
            yield self.env.timeout(1)
            self.counts["queue"][int(self.env.now) - 1] = len(self.queue)


Admitted = Literal["call", "trial"]


class _Breaker:
    """Closed: all calls go through. Open: none. Half open: one, a trial, whose fate decides."""

    def __init__(self) -> None:
        self._last: deque[bool] = deque(maxlen=LOOKS_AT)
        self._opened: float | None = None
        self._trying = False

    def admit(self, now: float) -> Admitted | None:
        """As what a call may go through, if it may."""
        if self._opened is None:
            return "call"
        if now - self._opened < OPEN_SECONDS or self._trying:
            return None
        self._trying = True
        return "trial"

    def note(self, admitted: Admitted, in_time: bool, now: float) -> None:
        """What came of a call."""
        if admitted == "trial":
            self._trying = False
            self._opened = None if in_time else now
        elif self._opened is None:
            self._last.append(in_time)
            if len(self._last) == LOOKS_AT and self._last.count(False) >= TRIPS_AT * LOOKS_AT:
                self._opened = now
                self._last.clear()
