"""Bandits against their theory, replays against brute force, models that keep up, updates under load."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from recsys_lab import experiments
from recsys_lab.experiments.online.bandits import bandits, bernoulli, greedy, play, thompson, ucb1, uniform
from recsys_lab.experiments.online.half_lives import HALF_LIVES, half_lives
from recsys_lab.experiments.online.live_update import live_update
from recsys_lab.recommend.popularity import Popularity
from tests.shops import small_shop

SHARES = (0.1, 0.3, 0.15)


def regret(policy: object, requests: int, seed: int) -> float:
    """Expected: of the arms chosen, not of the luck with them."""
    chosen = play(bernoulli(SHARES, requests, seed), policy, seed)  # type: ignore[arg-type]
    return sum(max(SHARES) - SHARES[arm] for arm in chosen)


def test_ucb1_stays_below_the_bound_of_auer_and_others() -> None:
    gaps = [max(SHARES) - share for share in SHARES if share < max(SHARES)]
    for requests in (500, 5_000):
        bound = sum(8 * math.log(requests) / gap for gap in gaps) + (1 + math.pi**2 / 3) * sum(gaps)
        mean = sum(regret(ucb1, requests, seed) for seed in range(10)) / 10
        assert mean <= bound


def test_thompson_grows_like_the_logarithm_and_uniform_like_the_time() -> None:
    small, large = (sum(regret(thompson, requests, seed) for seed in range(10)) / 10 for requests in (2_000, 8_000))
    assert large < 1.7 * small
    mean_gap = max(SHARES) - sum(SHARES) / len(SHARES)
    alike = sum(regret(uniform, 8_000, seed) for seed in range(10)) / 10
    assert alike == pytest.approx(8_000 * mean_gap, rel=0.03)


def test_thompson_draws_from_the_posterior() -> None:
    """Of two arms, the first is taken as often as its Beta variable exceeds the other's."""
    chance, taken = random.Random(5), 0
    for _ in range(20_000):
        taken += thompson([3, 6], [10, 12], chance) == 0
    draws = np.random.default_rng(6)
    exact = (draws.beta(4, 8, 400_000) > draws.beta(7, 7, 400_000)).mean()
    assert taken / 20_000 == pytest.approx(exact, abs=0.01)


def test_greedy_may_never_leave_a_bad_arm() -> None:
    stuck = [regret(greedy, 3_000, seed) for seed in range(20)]
    assert max(stuck) == pytest.approx(3_000 * 0.2, rel=0.05)


def test_regret_is_counted_against_the_best_arm_of_all() -> None:
    won = bernoulli(SHARES, 250, 1)
    table = bandits(pd.DataFrame(won, columns=["a", "b", "c"]), [4], policies={"uniform": uniform})
    assert list(table["requests"]) == [100, 200, 250]
    chosen = play(won, uniform, 4)
    for row in table.itertuples():
        mine = sum(won[request, chosen[request]] for request in range(row.requests))
        assert row.regret == won[: row.requests, 1].sum() - mine


def test_a_policy_sees_only_what_it_chose() -> None:
    seen = []

    def watch(wins: object, tries: object, chance: random.Random) -> int:
        seen.append((tuple(wins), tuple(tries)))  # type: ignore[arg-type]
        return 1

    play(np.array([[True, False], [True, True], [False, False]]), watch, 0)
    assert seen == [((0, 0), (0, 0)), ((0, 0), (0, 1)), ((0, 1), (0, 2))]


def test_each_half_life_answers_as_it_would_alone() -> None:
    shop = small_shop().head(600)
    table = half_lives(shop, k=10, every=4)
    for name in ("1 hour", "none"):
        version, has, hits = Popularity(HALF_LIVES[name]), dict[str, set[str]](), []
        for number, row in enumerate(shop.itertuples()):
            mine = has.setdefault(row.user_id, set())
            if number % 4 == 0 and row.item_id not in mine:
                ranked = [item for item, _ in version.recommend(row.user_id, 10_000, at=row.timestamp.to_pydatetime())]
                hits.append(row.item_id in [item for item in ranked if item not in mine][:10])
            weight = {"view": 0.1, "click": 0.5, "purchase": 1.0, "rating": 0.8}[row.interaction_type]
            version.observe(row.user_id, row.item_id, weight, row.timestamp.to_pydatetime())
            mine.add(row.item_id)
        assert list(table[name]) == hits


@pytest.mark.integration
def test_learning_keeps_up_with_a_drift_and_a_frozen_copy_does_not() -> None:
    table = experiments.keeping_up(users=120, items=300)
    before, after = table["day"] < table["drifts_on"], table["day"] >= table["drifts_on"] + 2
    same = table[before].pivot(index=["model", "day"], columns="drift", values="hits")
    assert (same["none"] == same["abrupt"]).all()  # until the drift nothing differs
    sums = table[after].groupby(["drift", "model"])[["hits", "questions"]].sum()
    rate = sums["hits"] / sums["questions"]
    assert rate["abrupt", "frozen"] < 0.7 * rate["none", "frozen"]
    assert rate["abrupt", "learning"] > 0.85 * rate["none", "learning"]
    assert rate["abrupt", "learning"] > rate["abrupt", "nightly"] > rate["abrupt", "frozen"]


def test_the_new_version_takes_over_when_its_lag_is_zero() -> None:
    table = live_update(small_shop().head(800), starts_at=300, speed=4, threads=1)
    assert not table["failed"].any()
    assert not table["mixed"].any()
    swap = table.loc[table["version"] == 2, "event"].min()
    assert swap == pytest.approx(300 + 300 / 3, abs=5)  # four for each one that comes
    assert (table["position"] == table["event"]).all()  # nobody is answered from less than all there is
    assert list(table["version"]) == sorted(table["version"])
    assert table.loc[table["event"] >= swap, "lag"].eq(0).all()


@pytest.mark.parametrize("threads", [2, 8])
def test_under_threads_no_request_fails_and_no_answer_mixes_versions(threads: int) -> None:
    table = live_update(small_shop().head(1_200), starts_at=300, every=1, threads=threads)
    assert len(table) == 1_200
    assert not table["failed"].any()
    assert not table["mixed"].any()
    assert set(table["version"]) == {1, 2}


def test_an_answer_that_mixes_versions_and_one_that_fails_are_seen() -> None:
    class Forgetful(Popularity):
        """Answers otherwise the second time it is built: no answer is that of the same version alone."""

        built = 0

        def __init__(self) -> None:
            super().__init__(timedelta(seconds=1) if Forgetful.built else None)
            Forgetful.built += 1

    mixed = live_update(small_shop().head(400), starts_at=100, threads=1, versions={1: Popularity, 2: Forgetful})
    assert mixed.loc[mixed["version"] == 2, "mixed"].any()
    assert not mixed.loc[mixed["version"] == 1, "mixed"].any()

    class Failing(Popularity):
        def recommend(self, *_: object, **__: object) -> list[tuple[str, float]]:
            raise RuntimeError("no")

    failed = live_update(small_shop().head(400), starts_at=100, threads=1, versions={1: Popularity, 2: Failing})
    assert (failed["failed"] == (failed["event"] >= 132)).all()  # 4 (n + 1) events read when 100 + n are there


def test_a_version_that_reads_too_slowly_is_refused() -> None:
    with pytest.raises(ValueError, match="speed is 1"):
        live_update(small_shop().head(50), speed=1)
