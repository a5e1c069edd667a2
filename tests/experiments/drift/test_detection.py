"""Drift detection on worlds whose truth is known: what must hold over ten seeds, and that the counting is right."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from river.drift import ADWIN

from recsys_lab.errors import InvalidEvent
from recsys_lab.experiments.drift.detection import (
    CALM_DELTA,
    alarms,
    detection,
    detection_signals,
    detection_summary,
)
from recsys_lab.experiments.drift.detectors import Rising, adwin, kswin, page_hinkley
from recsys_lab.experiments.drift.lab import trade_off, watched
from recsys_lab.experiments.drift.reaction import reaction_summary, reactions
from recsys_lab.experiments.drift.signals import Signal, surprise
from recsys_lab.experiments.drift.worlds import world

CALM = {"calm ADWIN": lambda: adwin(CALM_DELTA)}


def steps(*levels: float, each: int = 1_000, seed: int = 3) -> list[float]:
    """Independent 0s and 1s, with a level for each part."""
    chance = np.random.default_rng(seed)
    return [float(value) for level in levels for value in chance.random(each) < level]


def rings(detector, values: list[float]) -> list[int]:
    return [number for number, value in enumerate(values) if detector.update(value)]


@pytest.mark.parametrize("make", [adwin, lambda: page_hinkley(100.0), lambda: kswin(1e-6)])
def test_a_rise_rings_and_a_fall_does_not(make) -> None:
    rise = rings(make(), steps(0.2, 0.9))
    assert rise
    assert min(rise) >= 1_000
    assert min(rise) < 1_300
    assert rings(make(), steps(0.9, 0.2)) == []


def test_a_rise_after_a_fall_rings_too() -> None:
    rang = rings(adwin(), steps(0.6, 0.1, 0.6))
    assert len(rang) == 1
    assert rang[0] >= 2_000


def test_it_is_rivers_detector_that_decides_when() -> None:
    values, theirs = steps(0.2, 0.9), ADWIN(delta=0.002)
    rang = []
    for number, value in enumerate(values):
        theirs.update(value)
        if theirs.drift_detected:
            rang.append(number)
    assert rings(Rising(ADWIN(delta=0.002)), values) == rang


@pytest.mark.parametrize(("kind", "days"), [("abrupt", (10, 10)), ("gradual", (10, 20)), ("season", (0, 20))])
def test_a_drift_begins_and_is_complete_when_the_world_says(kind: str, days: tuple[int, int]) -> None:
    drifting = world(kind, 5, users=60)
    times = drifting.events["timestamp"]
    for offset, day in zip((drifting.begins, drifting.ends), days, strict=True):
        moment = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=day)
        assert (times.iloc[:offset] < moment).all()
        assert (times.iloc[offset:] >= moment).all()


def test_in_a_calm_world_nothing_begins() -> None:
    calm = world("none", 5, users=60)
    assert calm.begins == calm.ends == len(calm.events)


def test_an_unknown_kind_of_world_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="abrupt"):
        world("sudden")


class RingsAt:
    """Rings at the given numbers of values."""

    def __init__(self, *numbers: int) -> None:
        self.numbers, self.seen = numbers, -1

    def update(self, value: float) -> bool:
        self.seen += 1
        return self.seen in self.numbers


def a_signal(kind: str, seed: int) -> Signal:
    """A value for every tenth event."""
    begins, ends = {"none": (1_000, 1_000), "abrupt": (500, 500), "gradual": (500, 700)}[kind]
    return Signal(kind, np.arange(0, 1_000, 10), np.zeros(100), begins, ends, 1_000)


@pytest.mark.parametrize(
    ("numbers", "false", "abrupt", "gradual"),
    [
        ((), 0, math.nan, math.nan),
        ((3, 52), 2, 20, 20),
        ((50,), 1, 0, 0),
        ((80,), 1, 300, math.nan),
        ((49,), 1, math.nan, math.nan),
    ],
)
def test_alarms_are_counted_in_events_from_the_beginning_of_the_drift(numbers, false, abrupt, gradual) -> None:
    table = detection({"d": lambda: RingsAt(*numbers)}, seeds=[0], signal=a_signal).set_index("kind")
    assert table.loc["none", "false_alarms"] == len(numbers)
    assert table.loc["abrupt", "false_alarms"] == sum(number < 50 for number in numbers)
    assert table.loc["abrupt", "delay"] == pytest.approx(abrupt, nan_ok=True)
    assert table.loc["gradual", "delay"] == pytest.approx(gradual, nan_ok=True)


@pytest.mark.integration
def test_over_ten_seeds_drift_is_found_soon_and_nothing_else_is() -> None:
    table = detection(CALM)
    found = detection_summary(table).loc["calm ADWIN"]
    assert found["abrupt found"] == 10
    assert found["abrupt delay"] <= 400
    assert found["gradual found"] >= 9
    assert found["false per 100,000"] <= 1
    calm = table[table["kind"] == "none"]
    assert (calm["events"] >= 100_000).all()
    assert (calm["false_alarms"] <= 1).all()  # in each run, too
    assert (table.loc[table["kind"] == "abrupt", "alarms"] == 1).all()  # and none while the model recovers
    before = table.loc[table["kind"] != "none", "false_alarms"]
    assert before.sum() <= 1


@pytest.mark.integration
def test_the_recommenders_own_misses_say_less_than_surprise() -> None:
    table = detection_signals(seeds=[0]).set_index("signal")
    change = table["after"] - table["before"]
    assert change["surprise"] > 0.1
    assert abs(change["miss"]) < 0.05
    assert table.loc["surprise", "delay"] < 400
    others = table["delay"].drop("surprise")
    assert (others.isna() | (others > 3 * table.loc["surprise", "delay"])).all()


@pytest.mark.integration
def test_starting_anew_helps_what_drifted_and_harms_what_did_not() -> None:
    rates = reaction_summary(reactions("abrupt", seeds=[1], every=4))
    assert rates.loc["start anew", "after"] > 1.2 * rates.loc["do nothing", "after"]
    assert rates.loc["forget faster", "after"] > rates.loc["do nothing", "after"]
    kept, reset = (rates.loc[f"ItemNeighbours, {what}", "after"] for what in ("do nothing", "start anew"))
    assert reset < 0.8 * kept
    assert rates.loc["do nothing", "before"] == rates.loc["start anew", "before"]


@pytest.mark.integration
def test_a_calmer_setting_is_later_and_rings_less_for_nothing() -> None:
    costs = trade_off("abrupt", "ADWIN", seeds=[0])
    loudest, calmest = costs.iloc[0], costs.iloc[-1]
    assert loudest["false"] > 3
    assert calmest["false"] == 0
    others = costs.iloc[1:]  # the loudest may have rung just before, and have thrown away what it knew
    assert (others["missed"] == 0).all()
    assert others["delay"].iloc[0] < calmest["delay"]


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="1 to 5"):
        watched("abrupt", "ADWIN", 6)
    with pytest.raises(InvalidEvent, match="Page-Hinkley"):
        watched("abrupt", "adwin", 1)


@pytest.mark.integration
def test_a_signal_holds_values_from_0_to_1_in_the_order_of_the_log() -> None:
    signal = surprise("abrupt", 0)
    assert (np.diff(signal.offsets) > 0).all()
    assert signal.values.min() >= 0
    assert signal.values.max() <= 1
    assert alarms(signal, lambda: adwin(CALM_DELTA))[0] > signal.begins
