"""The simulated server against the recursion of a queue, and against what must hold for any order of service."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys_lab.experiments import schedulers, tenants
from recsys_lab.experiments.tenancy import (
    QUOTA,
    Arrival,
    FirstCome,
    FirstComeWithQuota,
    Scheduler,
    Tenant,
    TurnByTurn,
    arrivals,
    serve,
)


@st.composite
def requests(draw: st.DrawFn) -> list[Arrival]:
    """Up to thirty requests of three tenants, in order of arrival, in whole milliseconds."""
    rows = draw(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abc"), st.integers(1, 20)), max_size=30))
    return [Arrival(at, name, f"{name} {number}", cost) for number, (at, name, cost) in enumerate(sorted(rows))]


@given(requests())
def test_first_come_is_the_recursion_of_a_queue(some: list[Arrival]) -> None:
    """A request begins when it is there and the one before is done (Lindley 1952)."""
    free, ends = 0.0, []
    for each in some:
        free = max(free, each.at_ms) + each.cost_ms
        ends.append(free)

    assert [served.ended_ms for served in serve(FirstCome(), some)] == ends


@given(requests(), st.sampled_from(sorted(schedulers)))
def test_whoever_is_next_the_server_is_done_at_the_same_time_and_in_order_for_each(
    some: list[Arrival], way: str
) -> None:
    served, plain = serve(schedulers[way](), some), serve(FirstCome(), some)

    assert max((s.ended_ms or 0 for s in served), default=0) == max((s.ended_ms or 0 for s in plain), default=0)
    for name in "abc":
        ends = [each.ended_ms for each in served if each.arrival.tenant == name]
        assert None not in ends
        assert ends == sorted(ends, key=lambda end: end or 0)
    spans = sorted(((s.ended_ms or 0) - s.arrival.cost_ms, s.ended_ms or 0) for s in served)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))  # one at a time


@pytest.mark.parametrize("scheduler", [FirstComeWithQuota(2), TurnByTurn(2)])
def test_a_quota_bounds_what_waits_of_each_tenant(scheduler: Scheduler) -> None:
    at_once = [Arrival(0, name, f"{name} {number}", 5) for number, name in enumerate("aaaabb")]

    accepted = [each.accepted for each in serve(scheduler, at_once)]

    assert accepted == [True, True, True, False, True, True]  # the first is served at once, and waits no longer


def test_turns_go_round_request_by_request() -> None:
    at_once = [Arrival(0, name, f"{name} {number}", 5) for number, name in enumerate("aaabbc")]

    served = sorted(serve(TurnByTurn(), at_once), key=lambda each: each.ended_ms or 0)

    assert [each.arrival.tenant for each in served] == list("aabcab")  # the first is served before others come


def test_requests_come_at_the_rate_and_cost_that_were_asked_for() -> None:
    some = arrivals([Tenant("a", 50, 10), Tenant("b", 20, 4, begins_s=50)], seconds=100, seed=3)
    a, b = ([each for each in some if each.tenant == name] for name in "ab")

    assert some == sorted(some)
    assert len(a) == pytest.approx(5000, rel=0.05)
    assert len(b) == pytest.approx(1000, rel=0.1)
    assert min(each.at_ms for each in b) >= 50_000
    assert all(5 <= each.cost_ms <= 15 for each in a)
    assert some == arrivals([Tenant("a", 50, 10), Tenant("b", 20, 4, begins_s=50)], seconds=100, seed=3)


def test_quiet_tenants_are_quick_alone_and_slow_beside_a_noisy_one() -> None:
    alone, beside = tenants(noisy_per_second=0, seconds=10), tenants(seconds=10)

    assert alone["p99_ms"].max() < 30
    assert beside.loc[~beside["noisy"], "p99_ms"].min() > 2000


def test_neither_a_quota_nor_turns_by_request_keep_heavy_requests_from_the_others() -> None:
    for way in ("quota", "turns"):
        table = tenants(schedulers[way](), seconds=10)
        assert table.loc[~table["noisy"], "p99_ms"].max() > 1000
        assert table.loc[~table["noisy"], "refused"].sum() > 0


def test_a_scheduler_of_ones_own_can_be_tried() -> None:
    class NewestFirst:
        def __init__(self) -> None:
            self.held: deque[str] = deque()

        def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
            self.held.append(request)
            return len(self.held) <= QUOTA

        def next(self) -> str | None:
            return self.held.pop() if self.held else None

    assert tenants(NewestFirst(), noisy_per_second=0, seconds=2)["requests"].sum() > 100
