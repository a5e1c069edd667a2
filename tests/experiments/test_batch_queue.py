"""The queue is computed batch by batch; a discrete-event simulation with an event for each request says the same."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import simpy

from recsys_lab import experiments
from recsys_lab.experiments import batch_queue
from recsys_lab.experiments.batch_queue import (
    BOUND_MS,
    EACH_MS,
    FIXED_MS,
    LOAD_SECONDS,
    Batcher,
    Day,
    Fixed,
    Load,
    NoPlan,
    a_day,
    measure,
    work,
)


class ByEvents:
    """One process brings requests, another one waits for a batch and serves it; they know nothing of the future."""

    def __init__(self, batcher: Batcher, day: Day) -> None:
        self.batcher, self.day = batcher, day
        self.env = simpy.Environment()
        self.waiting: list[float] = []
        self.arrived = self.env.event()
        self.answered: list[tuple[float, int]] = []
        self.env.process(self.bring())
        self.env.process(self.serve())
        self.env.run()

    def bring(self) -> Generator[Any, Any, None]:
        for at in self.day.arrivals:
            yield self.env.timeout(at - self.env.now)
            self.waiting.append(at)
            self.arrived.succeed()
            self.arrived = self.env.event()

    def serve(self) -> Generator[Any, Any, None]:
        for noise in self.day.noise:
            while not self.waiting:
                yield self.arrived
            oldest = self.waiting[0]
            size, wait = self.batcher.plan(len(self.waiting), self.env.now - oldest)
            alarm = self.env.timeout(max(0.0, oldest + wait - self.env.now))
            while len(self.waiting) < size and not alarm.processed:
                yield self.arrived | alarm
            batch, self.waiting = self.waiting[:size], self.waiting[size:]
            load = self.day.loads[min(int(self.env.now / (1000 * LOAD_SECONDS)), len(self.day.loads) - 1)]
            service = (FIXED_MS + EACH_MS * len(batch)) * noise * load.slower
            yield self.env.timeout(service)
            self.answered.append((self.env.now, len(batch)))
            self.batcher.done(len(batch), service, self.env.now - oldest)


class Careful:
    """Adapts, so that it also tells whether `plan` and `done` are called as they should be."""

    def __init__(self) -> None:
        self.wait = 0.0

    def plan(self, waiting: int, oldest_ms: float) -> tuple[int, float]:
        return 40 + waiting, self.wait + oldest_ms / 10

    def done(self, size: int, service_ms: float, worst_ms: float) -> None:
        self.wait = max(0.0, self.wait + 0.1 * (150 + size - worst_ms))


@pytest.fixture(scope="module")
def short_day() -> Day:
    return a_day((Load(30), Load(120, slower=3)), seed=11)


@pytest.mark.parametrize("make", [lambda: Fixed(1000, 80.0), lambda: Fixed(4, 30.0), lambda: Fixed(1, 0.0), Careful])
def test_it_gives_the_same_times_as_a_simulation_of_every_event(make: Any, short_day: Day) -> None:
    batches = list(work(make(), short_day))
    events = ByEvents(make(), short_day).answered

    assert [batch.last - batch.first for batch in batches] == [size for _, size in events]
    np.testing.assert_allclose([batch.answered_ms for batch in batches], [at for at, _ in events], rtol=1e-9)


def test_every_request_is_in_one_batch_and_a_batch_is_no_larger_than_planned(short_day: Day) -> None:
    batches = list(work(Fixed(7, 90.0), short_day))

    assert [batch.first for batch in batches] == [0, *(batch.last for batch in batches[:-1])]
    assert batches[-1].last == len(short_day.arrivals)
    assert max(batch.last - batch.first for batch in batches) == 7


@pytest.mark.parametrize(
    "plan", [None, 5, (0, 10), (1.5, 10), (3, -1), (3, float("nan")), (3, 1e9), ("a", 1), (1, 2, 3)]
)
def test_a_plan_that_cannot_be_followed_is_refused(plan: Any, short_day: Day) -> None:
    class Odd(Fixed):
        def plan(self, waiting: int, oldest_ms: float) -> Any:
            return plan

    with pytest.raises(NoPlan, match="a plan is a whole number"):
        list(work(Odd(1, 1.0), short_day))


def test_a_load_has_as_many_requests_as_its_rate_says() -> None:
    table = experiments.batched_day(Fixed(200, 50.0))
    expected = table["per_second"] * LOAD_SECONDS
    assert ((table["requests"] - expected).abs() < 5 * expected**0.5).all()
    assert table["requests"].sum() == len(a_day().arrivals)


@pytest.mark.integration
def test_the_best_fixed_setting_is_the_best_of_all_measured_in_full() -> None:
    day = a_day()
    kept = []
    for setting in batch_queue.settings():
        table = measure(list(work(setting, day)), day)
        if (table["late"] <= 0.01).all():
            kept.append((int(table["batches"].sum()), setting))

    best, fewest = batch_queue.best_fixed()

    assert fewest == min(batches for batches, _ in kept)
    assert (fewest, best) in kept
    assert experiments.batched_day(best)["p99_ms"].max() <= BOUND_MS
