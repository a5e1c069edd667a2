"""Checkpoint intervals: the engine's runs against the formulas, the formulas against brute force."""

from __future__ import annotations

import math
import random

import pytest
from scipy.special import lambertw

from recsys_lab.experiments.under_faults.recovery import (
    CHECKPOINT_SECONDS,
    MTBF_SECONDS,
    RESTART_SECONDS,
    WORK_SECONDS,
    expected_loss,
    expected_seconds,
    recovery,
    young,
)


def test_the_engine_takes_the_expected_time_and_loses_the_expected_work() -> None:
    table = recovery([30, 60, 240], range(60))
    for interval, runs in table.groupby("interval_s"):
        error = runs["seconds"].std() / math.sqrt(len(runs))
        assert abs(runs["seconds"].mean() - runs["expected_s"].iloc[0]) < 4 * error, interval
        loss = runs["lost_s"].sum() / runs["crashes"].sum()
        assert loss == pytest.approx(runs["expected_loss_s"].iloc[0], rel=0.1), interval


def test_a_runs_time_is_its_work_checkpoints_restarts_and_losses_and_nothing_else() -> None:
    for row in recovery([60, 450], range(10)).itertuples():
        parts = WORK_SECONDS + row.checkpoints * CHECKPOINT_SECONDS + row.crashes * RESTART_SECONDS + row.lost_s
        assert row.seconds == pytest.approx(parts, abs=1e-3)
        assert row.checkpoints == WORK_SECONDS / row.interval_s


def test_without_failures_only_checkpoints_cost() -> None:
    (row,) = recovery([60], [0], mtbf_s=1e9).itertuples()
    assert (row.crashes, row.seconds) == (0, 3600 + 60 * 5)
    assert expected_seconds(60, mtbf_s=1e9) == pytest.approx(3600 + 60 * 5)


@pytest.mark.parametrize(("interval", "checkpoint"), [(20, 5.0), (120, 5.0), (400, 60.0)])
def test_the_formulas_are_those_of_a_plain_simulation(interval: int, checkpoint: float) -> None:
    chance, times, losses = random.Random(4), [], []
    for _ in range(20_000):  # one segment each
        time = 0.0
        while (life := chance.expovariate(1 / MTBF_SECONDS)) < interval + checkpoint:
            losses.append(life)
            time += life + RESTART_SECONDS
        times.append(time + interval + checkpoint)
    segments = WORK_SECONDS / interval
    mean = segments * sum(times) / len(times)
    assert expected_seconds(interval, checkpoint_s=checkpoint) == pytest.approx(mean, rel=0.03)
    assert expected_loss(interval, checkpoint_s=checkpoint) == pytest.approx(sum(losses) / len(losses), rel=0.05)


def test_a_crash_throws_away_half_an_interval_when_failures_are_rare() -> None:
    assert expected_loss(60, checkpoint_s=0.0, mtbf_s=1e6) == pytest.approx(30, rel=1e-3)


@pytest.mark.parametrize(("checkpoint", "mtbf"), [(5.0, 300.0), (1.0, 3600.0), (30.0, 86400.0)])
def test_youngs_interval_is_close_to_the_exact_best(checkpoint: float, mtbf: float) -> None:
    exact = mtbf * (1 + lambertw(-math.exp(-checkpoint / mtbf - 1)).real)  # where the derivative of the time is 0

    def time(interval: float) -> float:
        return expected_seconds(interval, checkpoint_s=checkpoint, mtbf_s=mtbf)

    assert time(exact) <= min(time(exact * factor) for factor in (0.9, 0.99, 1.01, 1.1))
    assert time(young(checkpoint, mtbf)) / time(exact) < 1.001
    assert young(checkpoint, mtbf) == pytest.approx(exact, rel=0.15)
