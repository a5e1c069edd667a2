"""Tenants' data against a model for each of them alone; their turns on a simulated server with a noisy one beside."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from recsys_lab.errors import shorten
from recsys_lab.experiments.tenancy import NOISY, QUIET, QUOTA, Arrival, Served, Tenant, arrivals, crowd, serve
from recsys_lab.study.report import NotAttempted, NotYet, expect
from recsys_lab.study.shrink import smallest

SECONDS = 60.0
BOUND_MS = 250
LEAST_SHARE = 0.2
SHOPS, USERS = ("shop1", "shop11", "shop2"), ("1007", "007")  # which, joined without a mark, are the same twice

MakePlatform = Callable[..., Any]


class Step(NamedTuple):
    """`user` of `tenant` takes an item, or, where there is none, asks what to recommend."""

    tenant: str
    user: str
    item: str | None = None

    def __str__(self) -> str:
        who = f"{self.tenant}'s {self.user}"
        return f"{who} takes {self.item}" if self.item else f"{who} asks"


class Bestsellers:
    """A model that is easy to foretell: what was taken most often, without what the user has. asked: how often."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.asked = 0

    def learn(self, user: str, item: str) -> None:
        """An interaction."""
        self.taken.append((user, item))

    def recommend(self, user: str) -> tuple[str, ...]:
        """The three best."""
        self.asked += 1
        counts = Counter(item for _, item in self.taken)
        own = {item for who, item in self.taken if who == user}
        return tuple(sorted(counts.keys() - own, key=lambda item: (-counts[item], item))[:3])


def check(platform: MakePlatform) -> str:
    """`platform(make_model, quota)` makes an object with learn, recommend, submit and next."""
    _expect_an_attempt(platform)
    _keeps_data_apart(platform)
    _keeps_answers(platform)
    worst = max(_keeps_time_apart(platform, situation, requests) for situation, requests in _noises())
    _shares_time(platform)
    return (
        "no item, profile or answer crosses tenants; whatever the noisy one does, the p99 of each other is at most "
        f"{worst:.0f} ms; and who wants more than there is gets an equal share."
    )


def _expect_an_attempt(platform: MakePlatform) -> None:
    fresh = platform(Bestsellers, QUOTA)
    turn = fresh.next()
    if turn is ...:
        if fresh.recommend("red", "ann") is None:
            raise NotAttempted
        raise NotYet("next() still gives `...`; the rest is judged together with it.")
    expect(turn is None, f"nothing waits yet, and next() gives {shorten(turn)}; None was asked for.")


def _keeps_data_apart(platform: MakePlatform) -> None:
    random = Random(1)
    items = ("lamp", "mug", "rug", "bag", "toy")
    for _ in range(40):
        steps = [
            Step(random.choice(SHOPS), random.choice(USERS), random.choice((*items, None, None, None)))
            for _ in range(60)
        ]
        _refuse_smallest(steps, lambda some: _wrong_answer(platform, some))


def _wrong_answer(platform: MakePlatform, steps: Sequence[Step]) -> str | None:
    """The first answer that is not what a model of that tenant alone says, or None."""
    try:
        shared, alone = platform(Bestsellers, QUOTA), {name: Bestsellers() for name in SHOPS}
        for step in steps:
            if step.item is not None:
                shared.learn(*step)
                alone[step.tenant].learn(step.user, step.item)
                continue
            got, right = shared.recommend(step.tenant, step.user), alone[step.tenant].recommend(step.user)
            if not isinstance(got, (list, tuple)) or tuple(got) != right:
                return (
                    f"a model that knows {step.tenant} alone recommends {list(right)} to {step.user}, "
                    f"and yours {shorten(got)}."
                )
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    return None


def _keeps_answers(platform: MakePlatform) -> None:
    """The model is asked again when its tenant has learnt something, and else not."""
    models: list[Bestsellers] = []

    def make() -> Bestsellers:
        models.append(Bestsellers())
        return models[-1]

    shared = platform(make, QUOTA)
    for number in range(5):
        shared.learn("blue", "ann", f"item {number}")
    for user, told in (("bob", ""), ("ann", " Her answer was empty, and an empty answer is one, too.")):
        shared.recommend("blue", user)
        asked = sum(model.asked for model in models)
        shared.recommend("blue", user)
        more = sum(model.asked for model in models) - asked
        seen = f"blue's {user} asked twice and nothing was learnt in between, but a model was asked again."
        expect(more == 0, seen + told)
    for number in range(20):
        shared.learn(NOISY, "ann", f"novelty {number}")
    shared.recommend("blue", "bob")
    more = sum(model.asked for model in models) - asked
    expect(more == 0, "red learnt something, and the answer that was kept for blue's bob was gone: a noisy "
           "tenant can take everybody's cache away.")  # fmt: skip


def _noises() -> list[tuple[str, list[Arrival]]]:
    """Situations in which some want more than there is, and the others little."""
    late = [Tenant("blue", 40, 40, begins_s=8), Tenant("green", 25, 4), Tenant("grey", 25, 4), Tenant(NOISY, 40, 40)]
    return [
        ("red sends heavy requests", arrivals(crowd(40, 40), seconds=10, seed=1)),
        ("red sends very many small requests", arrivals(crowd(1200, 1), seconds=6, seed=2)),
        (
            "red sends many requests, all the time, and blue does so from second 8 on",
            arrivals(late, seconds=16, seed=3),
        ),
        ("red sends heavier ones, and its queue runs empty now and then", arrivals(crowd(16, 60), seconds=10, seed=5)),
    ]


def _keeps_time_apart(platform: MakePlatform, situation: str, requests: Sequence[Arrival]) -> float:
    """The p99 of the worst of the quiet tenants, in ms."""
    loud = {name for name in (*QUIET, NOISY) if _wanted_ms(requests, name) > 0.25 * requests[-1].at_ms}

    def rule_broken(some: Sequence[Arrival]) -> str | None:
        return _served(platform, some)[1]

    def too_slow(some: Sequence[Arrival]) -> str | None:
        served, broken = _served(platform, some)
        tenant, p99 = _worst(served, loud)
        if broken is not None or p99 <= BOUND_MS:
            return None
        took = "was refused" if p99 == float("inf") else f"took {p99:,.1f} ms at p99, and {BOUND_MS} is the bound"
        return f"{tenant}, which asks for little, {took}."

    for fault in (rule_broken, too_slow):
        said = fault(requests)
        if said is not None:
            until = next(n for n in (50, 200, 800, 3200, len(requests)) if fault(requests[:n]) is not None)
            small, shown = smallest(requests[:until], fault, tries=400)
            shown = f" {shown}" if shown != said else ""
            raise NotYet(f"{situation}: {said} In small:{shown} {_told(small)}")
    return _worst(_served(platform, requests)[0], loud)[1]


def _worst(served: Sequence[Served], loud: set[str]) -> tuple[str, float]:
    """The quiet tenant with the highest p99, and that, in ms."""
    latencies: dict[str, list[float]] = {}
    for each in served:
        if each.arrival.tenant not in loud:
            latencies.setdefault(each.arrival.tenant, []).append(each.latency_ms)
    p99s = {name: float(np.percentile(own, 99, method="lower")) for name, own in latencies.items()}
    return max(p99s.items(), key=lambda pair: pair[1], default=("nobody", 0.0))


def _shares_time(platform: MakePlatform) -> None:
    """All four want more than the server has: each gets about a quarter of its time."""
    greedy = [Tenant("blue", 200, 4), Tenant("green", 60, 10), Tenant("grey", 40, 20), Tenant(NOISY, 20, 40)]
    requests = arrivals(greedy, seconds=10, seed=4)
    served, broken = _served(platform, requests)
    expect(broken is None, broken or "")
    until = requests[-1].at_ms
    work = Counter[str]()
    for each in served:
        if each.ended_ms is not None and each.ended_ms <= until:
            work[each.arrival.tenant] += round(each.arrival.cost_ms)
    for tenant in greedy:
        share = work[tenant.name] / until
        expect(
            share >= LEAST_SHARE,
            f"four tenants each want half of the server's time or more, and {tenant.name}, whose requests take "
            f"{tenant.cost_ms:g} ms, gets {100 * share:.0f} % of it; a quarter would be fair.",
        )


def _served(platform: MakePlatform, requests: Sequence[Arrival]) -> tuple[list[Served], str | None]:
    """What becomes of the requests; or the first rule of `submit` or `next` that was broken."""
    watched = Watched(platform(Bestsellers, QUOTA))
    try:
        return serve(watched, requests), None
    except NotYet as broken:
        return [], str(broken)
    except Exception as error:
        return [], f"it raised {type(error).__name__}: {error}."


class Watched:
    """A scheduler that is held to the rules: the quota, each request once, in order, and no rest while one waits."""

    def __init__(self, platform: Any) -> None:
        self._platform = platform
        self._waiting: dict[str, deque[str]] = {}

    def submit(self, tenant: str, request: str, cost_ms: float) -> bool:
        """Taken exactly where fewer than the quota wait."""
        taken = self._platform.submit(tenant, request, cost_ms)
        queue = self._waiting.setdefault(tenant, deque())
        expect(
            taken is (len(queue) < QUOTA),
            f"{len(queue)} requests of {tenant} wait, the quota is {QUOTA}, and submit gives {shorten(taken)} "
            "for one more.",
        )
        if taken:
            queue.append(request)
        return bool(taken)

    def next(self) -> str | None:
        """The oldest of somebody's requests; None exactly when nothing waits."""
        request: Any = self._platform.next()
        oldest = {queue[0]: queue for queue in self._waiting.values() if queue}
        if request is None:
            waits = ", ".join(map(repr, oldest))
            expect(not oldest, f"the server is free and next() gives None, but {waits} waits.")
            return None
        known = isinstance(request, str) and request in oldest
        expect(known, f"next() gives {shorten(request)}; the oldest that wait are {shorten(list(oldest))}.")
        oldest[request].popleft()
        return str(request)


def _wanted_ms(requests: Sequence[Arrival], tenant: str) -> float:
    return sum(each.cost_ms for each in requests if each.tenant == tenant)


def _told(requests: Sequence[Arrival]) -> str:
    if len(requests) <= 10:
        listed = ", ".join(f"{each.tenant} ({each.cost_ms:.0f} ms) at {each.at_ms:.0f} ms" for each in requests)
        return f"The requests were {listed}."
    counts = Counter(each.tenant for each in requests)
    summed = ", ".join(
        f"{count} of {name} ({_wanted_ms(requests, name):.0f} ms of work)" for name, count in counts.items()
    )
    return f"The requests were {summed}, in {(requests[-1].at_ms - requests[0].at_ms) / 1000:.1f} s."


def _refuse_smallest(steps: Sequence[Step], fault: Callable[[Sequence[Step]], str | None]) -> None:
    if fault(steps) is not None:
        small, said = smallest(steps, fault)
        raise NotYet(f"{said} What happened: {'; '.join(map(str, small))}.")
