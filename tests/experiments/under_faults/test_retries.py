"""Retries: against queueing theory, against counting, and that storms follow from load times calls."""

from __future__ import annotations

import math
from random import Random

import pytest

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.under_faults.retries import (
    BUDGET,
    BUDGET_MOST,
    CAPACITY,
    OUTAGE_STARTS,
    POLICIES,
    REFUSAL,
    RETRIES,
    TIMEOUT_SECONDS,
    at_once,
    back_off,
    back_off_and_jitter,
    herd,
    recovered,
    storm,
)


def test_without_an_outage_as_many_calls_time_out_as_queueing_theory_says() -> None:
    """M/M/1: an answer takes longer than t with probability exp(−(capacity − rate) t)."""
    table = storm(["no retries"], load=0.96, outage=0, seconds=6_000)
    begun = table[table["second"] < 5_900]
    missed = 1 - begun["answered"].sum() / begun["requests"].sum()
    assert missed == pytest.approx(math.exp(-0.04 * CAPACITY * TIMEOUT_SECONDS), rel=0.15)
    assert (table["calls"] == table["requests"]).all()


def test_when_nothing_is_answered_every_request_makes_all_its_calls() -> None:
    table = storm(["at once"], outage=90)
    down = table[(table["second"] >= OUTAGE_STARTS + 5) & (table["second"] < 110)]
    assert down["answered"].sum() == 0
    assert down["calls"].sum() / down["requests"].sum() == pytest.approx(RETRIES + 1, rel=0.02)


@pytest.mark.parametrize("policy", ["at once", "back-off", "back-off and jitter"])
def test_a_storm_outlives_the_outage_where_load_times_calls_exceeds_the_capacity(policy: str) -> None:
    calls = RETRIES + 1
    for load, survives in ((0.8 / calls, False), (0.5, True), (0.7, True)):
        (row,) = recovered(storm([policy], load=load)).itertuples()
        assert math.isnan(row.recovered_s) == survives, load


def test_budget_breaker_and_no_retries_recover() -> None:
    table = recovered(storm(["no retries", "retry budget", "circuit breaker"])).set_index("policy")
    assert table["recovered_s"].notna().all()
    assert table.loc["circuit breaker", "recovered_s"] < table.loc["no retries", "recovered_s"]


def test_without_retries_the_queue_of_the_outage_drains_as_arithmetic_says() -> None:
    table = storm(["no retries"], load=0.6, outage=10)
    waiting = table["queue"].max()
    assert waiting == pytest.approx(0.6 * CAPACITY * 10, rel=0.2)
    (row,) = recovered(table).itertuples()
    drains = (waiting - CAPACITY * TIMEOUT_SECONDS) / (0.4 * CAPACITY)  # until an answer comes within the timeout
    assert row.recovered_s == pytest.approx(drains, abs=5)


def test_a_budget_bounds_the_calls() -> None:
    for seed in range(5):
        table = storm(["retry budget"], outage=60, seed=seed)
        assert table["calls"].sum() <= table["requests"].sum() * (1 + BUDGET) + BUDGET_MOST


def test_a_breaker_lets_hardly_anything_through_while_nothing_answers() -> None:
    table = storm(["circuit breaker"], outage=60)
    down = table[table["outage"] & (table["second"] > OUTAGE_STARTS + 5)]
    assert down["calls"].sum() <= 12
    assert down["requests"].sum() > 1_000


def test_a_short_queue_ends_the_storm_and_refuses_nobody_on_a_calm_day() -> None:
    (short,) = recovered(storm(["at once"], longest_queue=40)).itertuples()
    (long,) = recovered(storm(["at once"], longest_queue=400)).itertuples()
    assert not math.isnan(short.recovered_s)
    assert math.isnan(long.recovered_s)
    assert storm(["at once"], outage=0, longest_queue=40)["refused"].sum() == 0


def test_the_same_seed_gives_the_same_storm_and_all_policies_meet_the_same_requests() -> None:
    table = storm(seed=4, seconds=60)
    assert table.equals(storm(seed=4, seconds=60))
    requests = table.pivot(index="second", columns="policy", values="requests")
    assert list(requests.columns) == sorted(POLICIES)
    assert requests.nunique(axis="columns").eq(1).all()


def brute_force_herd(waits: list[int], clients: int, accepts: int) -> list[tuple[int, int]]:
    """(second, calls) of a herd that moves in step."""
    second, calls = 0, []
    for wait in waits:
        calls.append((second, clients))
        if clients <= accepts:
            return calls
        accepted = 0
        while (accepted + 1) + REFUSAL * (clients - accepted - 1) <= accepts + 1e-9:
            accepted += 1
        clients, second = clients - accepted, second + wait
    raise AssertionError("not over yet")


@pytest.mark.parametrize(("delay", "waits"), [(at_once, [1] * 99), (back_off, [1, 2, 4, *[8] * 99])])
def test_a_herd_in_step_comes_in_the_waves_that_one_can_count(delay: object, waits: list[int]) -> None:
    table = herd(delay)  # type: ignore[arg-type]
    came = table[table["calls"] > 0]
    assert list(zip(came["second"], came["calls"], strict=True)) == brute_force_herd(waits, 400, 50)
    assert table["accepted"].sum() == 400


def test_jitter_brings_the_herd_back_sooner_and_with_fewer_calls() -> None:
    together, spread = herd(back_off), herd(back_off_and_jitter)
    assert spread["calls"].sum() < together["calls"].sum() / 2
    assert (
        spread.loc[spread["accepted"] > 0, "second"].max() < together.loc[together["accepted"] > 0, "second"].max() / 2
    )


def test_back_off_doubles_up_to_its_limit_and_jitter_stays_below() -> None:
    assert [back_off(retry, Random(1)) for retry in (1, 2, 3, 4, 5, 9)] == [1, 2, 4, 8, 8, 8]
    chance = Random(2)
    assert all(0 <= back_off_and_jitter(retry, chance) <= back_off(retry, chance) for retry in range(1, 20))


def test_unknown_policies_and_loads_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="policy is 'pray'"):
        storm(["pray"])
    with pytest.raises(InvalidEvent, match="load is 0"):
        storm(load=0)
