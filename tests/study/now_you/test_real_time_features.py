"""The "now you" checks of notebook 02: a right answer passes, each usual wrong one is refused and told why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recsys_lab.study.now_you import real_time_features as now_you


def in_window(times: Any, as_of: Any, window: Any) -> int:
    return sum(as_of - window <= time < as_of for time in times)


def differing(row: dict[str, float], served: dict[str, float]) -> set[str]:
    return {name for name in row.keys() | served.keys() if row.get(name) != served.get(name)}


def mean_relation(candidate: str, recent: Any, relation: Any) -> float:
    return float(sum(relation(candidate, item) for item in recent) / len(recent))


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (now_you.count_in_window, in_window),
        (now_you.differing_features, differing),
        (now_you.differing_features, lambda row, served: sorted(differing(row, served))),
        (now_you.personal_score, mean_relation),
    ],
)
def test_a_right_answer_passes(check: Callable[[Any], Any], answer: Any) -> None:
    report = check(answer)
    assert report.passed, report


@pytest.mark.parametrize("check", [now_you.count_in_window, now_you.differing_features, now_you.personal_score])
def test_a_stub_is_not_attempted_yet(check: Callable[[Any], Any]) -> None:
    assert repr(check(lambda *_: ...)) == "not attempted yet"


@pytest.mark.parametrize(
    ("check", "answer", "told"),
    [
        (now_you.count_in_window, lambda times, as_of, window: sum(time <= as_of for time in times), "yesterday"),
        (
            now_you.count_in_window,
            lambda times, as_of, window: sum(as_of - window <= time <= as_of for time in times),
            "at the moment that is asked about",
        ),
        (
            now_you.count_in_window,
            lambda times, as_of, window: sum(as_of - window <= time and time != as_of for time in times),
            "in the future",
        ),
        (
            now_you.count_in_window,
            lambda times, as_of, window: sum(as_of - window < time < as_of for time in times),
            "exactly one hour before",
        ),
        (now_you.differing_features, lambda row, served: row != served, "equal vectors"),
        (
            now_you.differing_features,
            lambda row, served: [name for name in row if name in served and row[name] != served[name]],
            "was not served",
        ),
        (
            now_you.differing_features,
            lambda row, served: [name for name in row if row[name] != served.get(name)],
            "was not trained on",
        ),
        (now_you.personal_score, lambda candidate, recent, relation: 0.5 + 0.1 * len(recent), "chance"),
        (
            now_you.personal_score,
            lambda candidate, recent, relation: sum(relation(candidate, item) for item in recent),
            "a hundred lamps",
        ),
        (
            now_you.personal_score,
            lambda candidate, recent, relation: min(1.0, sum(relation(candidate, item) for item in recent)),
            "no order",
        ),
    ],
)
def test_a_wrong_answer_is_told_why(check: Callable[[Any], Any], answer: Any, told: str) -> None:
    report = check(answer)
    assert not report.passed
    assert told in repr(report)
