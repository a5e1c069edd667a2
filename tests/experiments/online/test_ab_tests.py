"""Tests of tests: against brute force, against published figures, against simulation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.online.ab_tests import (
    MIXTURE,
    aa_tests,
    ab_test,
    always_valid_bound,
    false_alarms,
    found_by,
    peeking,
    two_proportions,
    users_needed,
    version_of,
)


@pytest.mark.parametrize("counts", [(30, 200, 45, 210), (5, 40, 1, 60), (500, 1_000, 500, 1_000), (0, 10, 0, 12)])
def test_the_z_test_is_pearsons_chi_square(counts: tuple[int, int, int, int]) -> None:
    a, of_a, b, of_b = counts
    found = two_proportions(*counts)
    if a + b:
        chi = stats.chi2_contingency([[a, of_a - a], [b, of_b - b]], correction=False)
        assert found.z**2 == pytest.approx(chi.statistic)
        assert found.p == pytest.approx(chi.pvalue)
    else:
        assert (found.z, found.p) == (0, 1)
    assert np.sign(found.z) == np.sign(b / of_b - a / of_a)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="successes are 5 of 4 users"):
        two_proportions(5, 4, 1, 4)
    with pytest.raises(InvalidEvent, match="of 0 users"):
        two_proportions(0, 0, 1, 4)


@pytest.mark.parametrize(("share", "effect"), [(0.1, 0.02), (0.5, -0.06), (0.02, 0.01)])
def test_with_the_users_needed_four_of_five_tests_see_the_difference(share: float, effect: float) -> None:
    users = users_needed(share, effect)
    seen = found_by(peeking(1, effect, share=share, users=users, tests=4_000, seed=3))["at the end"]
    assert seen == pytest.approx(0.8, abs=0.025)
    assert found_by(peeking(1, 0, share=share, users=users, tests=4_000, seed=3))["at the end"] == pytest.approx(
        0.05, abs=0.014
    )


def test_looking_often_is_wrong_as_often_as_armitage_mcpherson_and_rowe_computed() -> None:
    published = {1: 0.05, 2: 0.083, 5: 0.142, 10: 0.193, 20: 0.248, 50: 0.320}
    table = false_alarms(published, tests=6_000).pivot(index="looks", columns="rule", values="share")
    for looks, share in published.items():
        assert table.loc[looks, "at any look"] == pytest.approx(share, abs=0.02), looks
        assert table.loc[looks, "at the end"] == pytest.approx(0.05, abs=0.012), looks
        assert table.loc[looks, "always valid"] <= 0.05, looks


def test_the_always_valid_bound_is_where_the_mixed_likelihood_ratio_is_twenty() -> None:
    for users, variance in product((100, 2_000, 50_000), (0.18, 0.5)):
        bound = float(always_valid_bound(users, variance))
        error = math.sqrt(variance / users)
        difference = bound * error

        def ratio(effect: float, difference: float = difference, error: float = error) -> float:
            likelihood = stats.norm.pdf(difference, effect, error) / stats.norm.pdf(difference, 0, error)
            return float(likelihood * stats.norm.pdf(effect, 0, MIXTURE))

        mixed, _ = integrate.quad(ratio, -0.4, 0.4, points=[difference], limit=400)
        assert mixed == pytest.approx(20, rel=1e-3)


def test_the_always_valid_test_holds_at_every_user() -> None:
    table = peeking(2_000, 0.0, share=0.3, users=2_000, tests=400, seed=2)
    late = table[table["users"] >= 50]  # the variance is estimated; a few users are needed for that
    assert late.groupby("test")["beyond_bound"].any().mean() <= 0.05
    assert late.groupby("test")["beyond"].any().mean() > 0.3


def test_it_sees_less_than_the_planned_test_at_the_end_and_more_as_users_come() -> None:
    shares = [found_by(peeking(20, 0.02, users=users))["always valid"] for users in (2_000, 5_000, 10_000)]
    planned = found_by(peeking(20, 0.02, users=5_000))["at the end"]
    assert shares[0] < shares[1] < planned
    assert shares[1] < shares[2]


def outcomes(users: int = 600, requests: int = 8, seed: int = 1) -> pd.DataFrame:
    """Users who are alike in themselves: half of them hit often, half hardly ever."""
    chance = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), requests)
    likely = np.where(user % 2 == 0, 0.25, 0.01)
    hit = chance.random(len(user)) < likely
    better = hit | (chance.random(len(user)) < 0.05)
    return pd.DataFrame({"user_id": [f"u{number}" for number in user], "plain": hit, "better": better})


def test_a_version_against_itself_differs_in_five_percent_when_users_are_counted() -> None:
    table = aa_tests(outcomes(), "plain", tests=1_500)
    shares = (table["p"] < 0.05).groupby(table["unit"]).mean()
    assert shares["user"] == pytest.approx(0.05, abs=0.02)
    assert shares["request"] > 0.08


def test_a_test_of_versions_counts_each_user_once() -> None:
    table = outcomes()
    (row,) = ab_test(table, "plain", "better").itertuples()
    assert row.users_a + row.users_b == 600
    by_user = table.groupby("user_id")[["plain", "better"]].any()
    a = [user for user in by_user.index if version_of(user, "test 1") == "A"]
    assert row.users_a == len(a)
    assert row.share_a == by_user.loc[a, "plain"].mean()
    assert row.share_b == by_user.drop(a)["better"].mean()
    assert (row.true_a, row.true_b) == (by_user["plain"].mean(), by_user["better"].mean())


def test_a_user_keeps_the_version_and_tests_deal_independently() -> None:
    users = [f"u{number}" for number in range(4_000)]
    one, other = ([version_of(user, salt) for user in users] for salt in ("x", "y"))
    assert one == [version_of(user, "x") for user in users]
    assert one.count("B") / 4_000 == pytest.approx(0.5, abs=0.03)
    both = sum(a == b for a, b in zip(one, other, strict=True)) / 4_000
    assert both == pytest.approx(0.5, abs=0.03)


def test_impossible_shares_and_looks_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="effect 0"):
        users_needed(0.1, 0)
    with pytest.raises(InvalidEvent, match="looks is 0"):
        peeking(0)
