"""The "now you" checks of notebook 06: right answers pass, each usual wrong one is refused and told why."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from recsys_lab.experiments.under_faults.poison import Poison, Trouble
from recsys_lab.study.now_you import fault_tolerance

Handle = Callable[[Any, Callable[[Any], Any], list[Any]], Any]


def daly(checkpoint: float, mtbf: float) -> float:
    ratio = checkpoint / (2 * mtbf)
    return math.sqrt(2 * checkpoint * mtbf) * (1 + math.sqrt(ratio) / 3 + ratio / 9) - checkpoint


@pytest.mark.parametrize("interval", [lambda c, m: math.sqrt(2 * c * m), daly])
def test_youngs_and_dalys_intervals_pass(interval: object) -> None:
    report = fault_tolerance.checkpoint_interval(interval)
    assert report.passed, report


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        (lambda c, m: math.sqrt(c * m), "where"),
        (lambda c, m: m / 2, "are lost to checkpoints and crashes"),
        (lambda c, m: 60, "with 1 s a checkpoint and a failure every 60 s it says 60 s"),
        (lambda c, m: 10 * c, "where"),
        (lambda c, m: math.sqrt(2 * c / m), "where"),
        (lambda c, m: math.sqrt(2 * m), "with 5 s a checkpoint"),
        (lambda c, m: None, "it says None"),
        (lambda c, m: 0, "seconds above 0"),
    ],
)
def test_other_intervals_lose_too_much(interval: object, told: str) -> None:
    report = fault_tolerance.checkpoint_interval(interval)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


def full_jitter(retry: int, chance: random.Random) -> float:
    return chance.uniform(0, min(30, 2 ** min(retry, 10)))


def equal_jitter(retry: int, chance: random.Random) -> float:
    half = min(30.0, 1.5 ** min(retry, 30)) / 2
    return half + chance.random() * half


@pytest.mark.parametrize("delay", [full_jitter, equal_jitter])
def test_waits_that_grow_are_bounded_and_drawn_by_lot_pass(delay: object) -> None:
    report = fault_tolerance.retry_delay(delay)
    assert report.passed, report


@pytest.mark.parametrize(
    ("delay", "told"),
    [
        (lambda retry, chance: 0, "should give way"),
        (lambda retry, chance: 5, "should give way"),
        (lambda retry, chance: min(30, 2 ** min(retry, 10)), "calls in"),
        (lambda retry, chance: chance.uniform(0, 2**retry), "at most 30 s"),
        (lambda retry, chance: chance.uniform(0, 30), "should give way"),
        (lambda retry, chance: min(30, 2 ** min(retry, 10)) + chance.uniform(-3, 0), "less than nothing"),
        (lambda retry, chance: min(29.9, 2 ** min(retry, 10)) + chance.uniform(0, 0.01), "calls in"),
        (lambda retry, chance: random.uniform(0, min(30, 2 ** min(retry, 10))), "with the same seed"),
        (lambda retry, chance: "2 s", "seconds are needed"),
    ],
)
def test_other_waits_are_refused(delay: object, told: str) -> None:
    report = fault_tolerance.retry_delay(delay)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


def loop(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    for attempt in (1, 2, 3):
        try:
            return work(record)
        except Poison as error:
            letters.append((record, str(error)))
            return None
        except Trouble as error:
            if attempt == 3:
                letters.append((record, repr(error)))
    return None


def recursive(record: Any, work: Callable[[Any], Any], letters: list[Any], left: int = 3) -> Any:
    try:
        return work(record)
    except (Poison, Trouble) as error:
        if isinstance(error, Trouble) and left > 1:
            return recursive(record, work, letters, left - 1)
        letters.append((record, error))
        return None


@pytest.mark.parametrize("handle", [loop, recursive])
def test_a_handler_that_tells_trouble_from_poison_passes(handle: Handle) -> None:
    report = fault_tolerance.handles(handle)
    assert report.passed, report


def drops(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    try:
        return work(record)
    except Exception:
        return None


def never_retries(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    try:
        return work(record)
    except (Poison, Trouble) as error:
        letters.append((record, str(error)))
        return None


def retries_all(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    for attempt in range(3):
        try:
            return work(record)
        except (Poison, Trouble) as error:
            if attempt == 2:
                letters.append((record, str(error)))
    return None


def swallows_faults(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    for attempt in range(3):
        try:
            return work(record)
        except Trouble as error:
            if attempt == 2:
                letters.append((record, str(error)))
        except Exception as error:
            letters.append((record, str(error)))
            return None
    return None


def for_ever(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    while True:
        try:
            return work(record)
        except Trouble:
            pass


def gives_no_reason(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    result = loop(record, work, letters)
    letters[:] = [(record, "failed") for record, _ in letters]
    return result


def letter_for_each_attempt(record: Any, work: Callable[[Any], Any], letters: list[Any]) -> Any:
    for _ in range(3):
        try:
            return work(record)
        except Trouble as error:
            letters.append((record, str(error)))
        except Poison as error:
            letters.append((record, str(error)))
            return None
    return None


@pytest.mark.parametrize(
    ("handle", "told"),
    [
        (drops, "trouble once: tried 1 times; 2 would be right"),
        (never_retries, "trouble once: tried 1 times"),
        (retries_all, "a poison record: tried 3 times; 1 would be right"),
        (swallows_faults, "a fault of the program (KeyError): nobody hears of it"),
        (for_ever, "trouble without end: tried 51 times"),
        (gives_no_reason, "why it failed?"),
        (letter_for_each_attempt, "it worked, and yet there is a dead letter"),
        (lambda record, work, letters: work(record), "trouble once: Trouble came out of it"),
    ],
)
def test_other_handlers_are_refused(handle: Handle, told: str) -> None:
    report = fault_tolerance.handles(handle)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize("most", [20, 45, 50])
def test_queues_whose_last_place_is_answered_in_time_pass(most: int) -> None:
    report = fault_tolerance.longest_queue(most)
    assert report.passed, report


@pytest.mark.parametrize(
    ("most", "told"),
    [(3, "on a calm day"), (100, "is answered after 2.0 s"), (1_000, "never recovers"), (0, "from 1"), (2.5, "2.5")],
)
def test_other_queues_are_refused(most: object, told: str) -> None:
    report = fault_tolerance.longest_queue(most)
    assert report.attempted
    assert not report.passed
    assert told in repr(report)


@pytest.mark.parametrize(
    "report",
    [
        fault_tolerance.checkpoint_interval(lambda checkpoint, mtbf: ...),
        fault_tolerance.retry_delay(lambda retry, chance: ...),
        fault_tolerance.handles(lambda record, work, letters: ...),
        fault_tolerance.longest_queue(...),
    ],
)
def test_a_stub_is_not_attempted_yet(report: object) -> None:
    assert repr(report) == "not attempted yet"
