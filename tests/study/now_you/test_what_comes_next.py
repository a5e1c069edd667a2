"""The "now you" checks of notebook 11: right answers pass, each usual wrong one is refused and told why."""

from __future__ import annotations

import hashlib
import math
import random
import zlib
from collections.abc import Sequence
from itertools import count
from statistics import NormalDist
from typing import Any

import pytest

from recsys_lab.experiments.online.bandits import greedy, thompson, ucb1, uniform
from recsys_lab.study.now_you import what_comes_next


def by_sha(user: str, test: str) -> str:
    return "AB"[int(hashlib.md5(f"{test}:{user}".encode()).hexdigest(), 16) % 2]


def by_seed(user: str, test: str) -> str:
    return "A" if random.Random(f"{test} {user}").random() < 0.5 else "B"


@pytest.mark.parametrize("assign", [by_sha, by_seed])
def test_a_hash_of_user_and_test_passes(assign: object) -> None:
    report = what_comes_next.assigns(assign)
    assert report.passed, report


_turns = count()


@pytest.mark.parametrize(
    ("assign", "told"),
    [
        (lambda user, test: random.choice("AB"), "get another version when they come again"),
        (lambda user, test: "AB"[next(_turns) % 2], "get another version when they come again"),
        (lambda user, test: "AB"[int(user[1:]) % 2], "even number"),
        (lambda user, test: "AB"[zlib.crc32(user.encode()) >> 8 & 1], "have B in the next"),
        (lambda user, test: "A", "0% of the users get B"),
        (lambda user, test: "AB"[len(test) % 2], "of the users get B"),
        (
            lambda user, test: "B" if by_sha(user, test) == "B" and by_seed(user, test) == "B" else "A",
            "half of them should",
        ),
        (lambda user, test: 1, '"A" or "B" is needed'),
    ],
)
def test_other_assignments_are_refused(assign: object, told: str) -> None:
    report = what_comes_next.assigns(assign)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


def needed(share: float, effect: float) -> float:
    normal, other = NormalDist(), share + effect
    spread = share * (1 - share) + other * (1 - other)
    return float((normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) ** 2 * spread / effect**2)


def by_arcsine(share: float, effect: float) -> int:
    h = 2 * (math.asin(math.sqrt(share + effect)) - math.asin(math.sqrt(share)))
    return math.ceil(2 * (2.8016 / h) ** 2)


@pytest.mark.parametrize("formula", [needed, by_arcsine])
def test_two_ways_to_plan_a_test_pass(formula: object) -> None:
    report = what_comes_next.how_many_users(formula)
    assert report.passed, report


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        (lambda share, effect: needed(share, effect) / 2, "see the difference, where 80 %"),
        (lambda share, effect: 2 * needed(share, effect), "see the difference"),
        (lambda share, effect: 1.96**2 * share * (1 - share) / effect**2, "see the difference"),
        (lambda share, effect: 1000, "from 10.0% to 12.0% it says 1,000"),
        (lambda share, effect: 16 * share / effect**2, "users in each version"),
        (lambda share, effect: None, "a number of users is needed"),
    ],
)
def test_other_plans_are_refused(formula: object, told: str) -> None:
    report = what_comes_next.how_many_users(formula)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


def a_little_at_random(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    if 0 in tries or chance.random() < 0.1:
        return chance.randrange(len(tries))
    return max(range(len(tries)), key=lambda arm: wins[arm] / tries[arm])


@pytest.mark.parametrize("policy", [thompson, a_little_at_random])
def test_policies_that_explore_and_settle_pass(policy: object) -> None:
    report = what_comes_next.chooses(policy)
    assert report.passed, report


def first_then_commit(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    if min(tries) < 10:
        return list(tries).index(min(tries))
    return max(range(len(tries)), key=lambda arm: wins[arm] / tries[arm])


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (uniform, "it does not settle on the best arm"),
        (greedy, "it does not settle on the best arm"),
        (first_then_commit, "it does not settle on the best arm"),
        (lambda wins, tries, chance: 0, "is never tried"),
        (lambda wins, tries, chance: max(range(len(wins)), key=wins.__getitem__), "is never tried"),
        (lambda wins, tries, chance: wins[0] / tries[0], "ZeroDivisionError"),
        (lambda wins, tries, chance: len(tries), "a number from 0 to 3"),
    ],
)
def test_other_policies_are_refused(policy: object, told: str) -> None:
    report = what_comes_next.chooses(policy)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


def test_a_policy_cannot_change_what_was_counted() -> None:
    def cheats(wins: list[int], tries: list[int], chance: random.Random) -> Any:
        wins[0] += 100
        return thompson([0] * 4, [0] * 4, chance)

    assert not what_comes_next.chooses(cheats).passed


def test_ucb1_is_judged_by_what_it_loses() -> None:
    report = what_comes_next.chooses(ucb1)
    assert report.attempted


@pytest.mark.parametrize(
    "report",
    [
        what_comes_next.assigns(lambda user, test: ...),
        what_comes_next.how_many_users(lambda share, effect: ...),
        what_comes_next.chooses(lambda wins, tries, chance: ...),
    ],
)
def test_a_stub_is_not_attempted_yet(report: object) -> None:
    assert repr(report) == "not attempted yet"
