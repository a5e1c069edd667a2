"""The "now you" checks of notebook 07: right answers pass, plausible wrong ones are refused and told why."""

from __future__ import annotations

from statistics import fmean, pstdev
from typing import Any

import pytest

from recsys_lab.experiments.drift.lab import SETTINGS
from recsys_lab.experiments.monitoring.lists import jaccard, rbo
from recsys_lab.study.now_you import drift_and_monitoring as now_you

Lists = list[str]


def by_prefix(a: Lists, b: Lists) -> float:
    return fmean(len(set(a[:depth]) & set(b[:depth])) / depth for depth in range(1, len(a) + 1))


def by_counting(a: Lists, b: Lists) -> float:
    total, common = 0.0, 0
    for place, (first, second) in enumerate(zip(a, b, strict=True)):
        common += first in b[: place + 1]
        common += second in a[:place]
        total += common / (place + 1)
    return total / len(a)


@pytest.mark.parametrize("answer", [by_prefix, by_counting])
def test_an_average_overlap_passes_however_it_is_computed(answer: Any) -> None:
    assert now_you.average_overlap(answer).passed


@pytest.mark.parametrize(
    "answer",
    [
        jaccard,
        rbo,
        lambda a, b: fmean(x == y for x, y in zip(a, b, strict=True)),
        lambda a, b: len(set(a) & set(b)) / len(a),
        lambda a, b: fmean(len(set(a[:depth]) & set(b[:depth])) / depth for depth in range(1, len(a))) if a[1:] else 1,
        lambda a, b: "0.5",
    ],
)
def test_another_overlap_is_refused(answer: Any) -> None:
    report = now_you.average_overlap(answer)
    assert report.attempted
    assert not report.passed


def in_two_lists(alarms: list[int], begins: int) -> dict[str, Any]:
    after = [alarm for alarm in alarms if alarm >= begins]
    return {"delay": after[0] - begins if after else None, "false": len(alarms) - len(after)}


def in_a_loop(alarms: list[int], begins: int) -> dict[str, Any]:
    score: dict[str, Any] = {"delay": None, "false": 0}
    for alarm in alarms:
        if alarm < begins:
            score["false"] += 1
        elif score["delay"] is None:
            score["delay"] = alarm - begins
    return score


@pytest.mark.parametrize("answer", [in_two_lists, in_a_loop])
def test_alarms_judged_rightly_pass(answer: Any) -> None:
    assert now_you.judge_alarms(answer).passed


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda alarms, begins: {"delay": alarms[0] - begins, "false": 0}, "two false alarms"),
        (lambda alarms, begins: in_two_lists(alarms, begins) | {"false": max(0, len(alarms) - 1)}, "false is"),
        (
            lambda alarms, begins: {
                **in_two_lists(alarms, begins),
                "delay": in_two_lists(alarms, begins)["delay"] or 0,
            },
            "None",
        ),
        (lambda alarms, begins: in_two_lists([alarm for alarm in alarms if alarm != begins], begins), "very event"),
        (lambda alarms, begins: {"false": len(alarms)}, "delay"),
    ],
)
def test_alarms_judged_wrongly_are_refused_with_the_situation(answer: Any, told: str) -> None:
    report = now_you.judge_alarms(answer)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.integration
def test_one_setting_of_the_lab_is_right_and_each_other_is_told_what_it_costs() -> None:
    choices = [(name, calm) for name in SETTINGS for calm in range(1, 6)]
    reports = {choice: now_you.best_setting({"detector": choice[0], "calm": choice[1]}) for choice in choices}

    passing = [choice for choice, report in reports.items() if report.passed]
    assert passing == [("ADWIN", 4)]
    assert "false alarms" in repr(reports["ADWIN", 1])
    assert "sooner" in repr(reports["ADWIN", 5])
    assert "sooner" in repr(reports["Page-Hinkley", 5])


def test_a_setting_that_is_none_is_refused() -> None:
    assert "one of ADWIN" in repr(now_you.best_setting({"detector": "adwin", "calm": 3}))
    assert "a dict" in repr(now_you.best_setting(("ADWIN", 3)))


@pytest.mark.integration
@pytest.mark.parametrize(
    "answer",
    [
        lambda recent, before: fmean(recent) > fmean(before) + 0.09,
        lambda recent, before: fmean(recent) - fmean(before) > 9 * pstdev(before) / len(recent) ** 0.5,
        lambda recent, before: fmean(recent) > 1.28 * fmean(before),
    ],
)
def test_a_detector_that_is_both_quick_and_calm_passes(answer: Any) -> None:
    report = now_you.own_detector(answer)
    assert report.passed, report


@pytest.mark.integration
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda recent, before: True, "all values are the same"),
        (lambda recent, before: fmean(recent) > fmean(before), "where nothing changes"),
        (
            lambda recent, before: fmean(recent) > fmean(before) + 1.96 * pstdev(before) / len(recent) ** 0.5,
            "nothing changes",
        ),
        (lambda recent, before: max(recent) > max(before), "where nothing changes"),
        (lambda recent, before: fmean(recent) > 2 * fmean(before), "did not ring"),
        (lambda recent, before: None, "True or False"),
    ],
)
def test_a_detector_that_rings_for_nothing_or_never_is_refused(answer: Any, told: str) -> None:
    report = now_you.own_detector(answer)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "report",
    [
        now_you.average_overlap(lambda a, b: ...),
        now_you.judge_alarms(lambda alarms, begins: ...),
        now_you.judge_alarms(lambda alarms, begins: {"delay": ..., "false": ...}),
        now_you.best_setting({"detector": ..., "calm": ...}),
        now_you.own_detector(lambda recent, before: ...),
    ],
)
def test_a_stub_is_not_attempted_yet(report: Any) -> None:
    assert not report.attempted
    assert repr(report) == "not attempted yet"
