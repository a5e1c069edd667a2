"""Pictures of the look ahead: the title follows the table."""

from __future__ import annotations

import pandas as pd
import pytest

from recsys_lab import experiments, plots


def kept(learning: int, nightly: int, frozen: int) -> pd.DataFrame:
    rows = [
        (drift, model, day, 100, hits if drift == "abrupt" and day >= 15 else 50)
        for drift in ("none", "abrupt")
        for model, hits in (("learning", learning), ("nightly", nightly), ("frozen", frozen))
        for day in range(10, 30)
    ]
    return pd.DataFrame(rows, columns=["drift", "model", "day", "questions", "hits"]).assign(drifts_on=15)


def test_the_title_tells_the_hit_rates_after_the_drift() -> None:
    assert plots.keeping_up(kept(38, 11, 4)).finding == (
        "After the drift: learning hits 38 %, last night's copy 11 %, the frozen one 4 %"
    )


def test_peeking_is_told_with_and_without_a_difference() -> None:
    none = experiments.peeking(20, 0.0, tests=300)
    found = experiments.found_by(none)
    assert f"sees one in {100 * found['at any look']:.0f} % of tests" in plots.peeking(none).finding
    assert "as promised" in plots.peeking_sentence(none)
    there = experiments.peeking(20, 0.02, tests=300)
    assert plots.peeking(there).finding.startswith("2 points of difference: the planned test sees it in")
    assert "users in each version (median)" in plots.peeking_sentence(there)
    assert "stops none of them" in plots.peeking_sentence(there.assign(beyond_bound=False))


def test_false_alarms_are_told_for_the_most_looks() -> None:
    rows = [
        (looks, rule, share)
        for looks, shares in ((1, (0.05, 0.05, 0.0)), (20, (0.05, 0.25, 0.01)))
        for rule, share in zip(("at the end", "at any look", "always valid"), shares, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["looks", "rule", "share"])
    assert plots.false_alarms(table).finding == (
        "20 looks: stopping at the first p < 5 % is wrong in 25 % of tests, the always-valid test in 1 %"
    )


def test_the_a_a_title_counts_by_unit() -> None:
    p = [0.01, 0.5, 0.5, 0.5], [0.01, 0.02, 0.5, 0.5]
    table = pd.concat([pd.DataFrame({"unit": unit, "p": ps}) for unit, ps in zip(("user", "request"), p, strict=True)])
    assert plots.aa_tests(table).finding.endswith("25.0 % counting users and 50.0 % counting requests")


def test_the_bandit_title_names_who_loses_least() -> None:
    rows = [(name, 0, 100, lost, "2 days") for name, lost in (("uniform", 210), ("Thompson", 34), ("UCB1", 97))]
    table = pd.DataFrame(rows, columns=["policy", "seed", "requests", "regret", "arm"])
    assert plots.bandits(table).finding == (
        "In 100 requests Thompson loses 34 hits to the best half-life, trying all alike 210"
    )


@pytest.mark.parametrize(("bad", "told"), [(False, "none failed, none mixed"), (True, "4 failed, 4 mixed")])
def test_the_update_title_counts_what_failed_and_mixed(bad: bool, told: str) -> None:
    nan = float("nan")
    table = pd.DataFrame(
        {
            "event": [4, 8, 12, 16],
            "lag": [nan, 6.0, 0.0, 0.0],
            "version": [1, 1, 2, 2],
            "failed": [bad] * 4,
            "mixed": [bad] * 4,
        }
    )
    assert plots.live_update(table).finding.endswith(f"4 requests, {told}")
