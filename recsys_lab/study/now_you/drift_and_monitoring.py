"""The "now you" checks of notebook 07."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.drift.lab import SETTINGS, trade_off
from recsys_lab.experiments.drift.signals import Signal, surprise
from recsys_lab.study.report import NotAttempted, Report, expect, expect_kind, given, judge

MOST_FALSE = 1.0
RECENT, BEFORE, STEP = 200, 2_000, 50
SOON = 1_500


def average_overlap(answer: Any) -> Report:
    """A function of two lists of the same length: the share in common of the first 1, 2, 3 … places, averaged."""

    def check(overlap: Callable[[list[str], list[str]], Any]) -> str:
        for a, b in _pairs():
            told = given(overlap(list(a), list(b)))
            right = sum(len(set(a[:depth]) & set(b[:depth])) / depth for depth in range(1, len(a) + 1)) / len(a)
            expect_kind(told, Real, "a number")
            expect(
                abs(told - right) < 1e-9, f"{''.join(a)} and {''.join(b)}: {right:.4g} is right, yours is {told:.4g}."
            )
        return "equal lists have 1, and a difference counts more the higher it stands."

    return judge(check, answer)


def judge_alarms(answer: Any) -> Report:
    """A function of the alarms of a run (offsets), and where its drift begins: {"delay": …, "false": …}.

    delay: from the beginning to the first alarm that is not before it; None when there is none. false: alarms before.
    """

    def check(score: Callable[[list[int], int], Any]) -> str:
        for situation, alarms, begins in (
            ("one alarm, 300 events after the beginning", [10_300], 10_000),
            ("two false alarms and no other", [50, 9_999], 10_000),
            ("no alarm at all", [], 10_000),
            ("an alarm at the very event that the drift begins with", [10_000], 10_000),
            ("a false alarm, and two for the drift", [4_000, 10_200, 17_000], 10_000),
        ):
            told = given(score(list(alarms), begins))
            expect_kind(told, dict, f"{situation}: a dict with delay and false")
            if told.get("delay", 0) is ... or told.get("false", 0) is ...:
                raise NotAttempted
            after = [alarm - begins for alarm in alarms if alarm >= begins]
            right = {"delay": after[0] if after else None, "false": len(alarms) - len(after)}
            for name, value in right.items():
                said = told.get(name, "nothing")
                expect(
                    said == value and said is not False, f"{situation}: {name} is {value}, yours is {shorten(said)}."
                )
        return "a drift that was missed has no delay, and an alarm repeated is no false one."

    return judge(check, answer)


def best_setting(answer: Any) -> Report:
    """The detector and setting of the drift lab that finds an abrupt drift soonest, with at most one false alarm in
    100,000 events. answer: {"detector": …, "calm": …}."""

    def check(choice: Any) -> str:
        expect_kind(choice, dict, "a dict with detector and calm")
        detector, calm = choice.get("detector", ...), choice.get("calm", ...)
        if detector is ... or calm is ...:
            raise NotAttempted
        expect(detector in SETTINGS, f"detector is {shorten(detector)}; one of {', '.join(SETTINGS)} is needed.")
        costs: dict[tuple[str, int], Any] = {
            (name, calm_level): row
            for name in SETTINGS
            for calm_level, row in enumerate(trade_off("abrupt", name).itertuples(), start=1)
        }
        expect((detector, calm) in costs, f"calm is {shorten(calm)}; a whole number, 1 to 5, is needed.")
        mine = costs[detector, calm]
        rate = f"{mine.false:.1f} false alarms in 100,000 events"
        expect(mine.false <= MOST_FALSE, f"{detector}, {calm}: {rate}; one is the most.")
        best = min(row.delay for row in costs.values() if row.false <= MOST_FALSE)
        expect(mine.delay == best, f"{detector}, {calm}: found after {mine.delay:,.0f} events; another is sooner.")
        return f"{detector}, {calm}: found after {mine.delay:,.0f} events (median), and {rate}."

    return judge(check, answer)


def own_detector(answer: Any) -> Report:
    """A function of the latest 200 values of a signal and the 2,000 before them: has it risen?

    It is asked every 50 values. It must ring within 1,500 events of an abrupt drift, and never in a calm world.
    """

    def check(rings: Callable[[list[float], list[float]], Any]) -> str:
        expect(not _rings(rings, [0.3] * RECENT, [0.3] * BEFORE), "all values are the same, and it rings.")
        for seed in (0, 1):
            false = _asked(rings, surprise("none", seed))
            expect(
                not false,
                f"it rings {len(false)} times in a world where nothing changes, first at event {_first(false)}.",
            )
            drifted = surprise("abrupt", seed)
            delays = [offset - drifted.begins for offset in _asked(rings, drifted) if offset >= drifted.begins]
            expect(bool(delays), "all tastes changed at once, and it did not ring in the three days after that.")
            expect(delays[0] <= SOON, f"all tastes changed at once, and it rang only {delays[0]:,} events later.")
        return "it hears of the drift within 1,500 events, and is silent for 25 calm days, in two worlds."

    return judge(check, answer)


def _asked(rings: Callable[[list[float], list[float]], Any], signal: Signal) -> list[int]:
    """Offsets at which it rings, asked every 50 values."""
    values = signal.values.tolist()
    return [
        int(signal.offsets[end - 1])
        for end in range(RECENT + BEFORE, len(values) + 1, STEP)
        if _rings(rings, values[end - RECENT : end], values[end - RECENT - BEFORE : end - RECENT])
    ]


def _rings(rings: Callable[[list[float], list[float]], Any], recent: list[float], before: list[float]) -> bool:
    said = given(rings(recent, before))
    expect(said is not None, "it gave None; True or False is needed.")
    return bool(said)


def _first(offsets: Sequence[int]) -> str:
    return f"{offsets[0]:,}" if offsets else "–"


def _pairs() -> list[tuple[str, str]]:
    """Pairs of lists on which an overlap can go wrong in different ways."""
    chance = Random(7)
    drawn = [("".join(chance.sample("abcdefgh", 5)), "".join(chance.sample("abcdefgh", 5))) for _ in range(30)]
    return [("ab", "ab"), ("ab", "cd"), ("ab", "ba"), ("abc", "abd"), ("abc", "dbc"), *drawn]
