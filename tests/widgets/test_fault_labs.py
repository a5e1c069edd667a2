"""The labs of notebooks 06 and 11: a control moves the picture and the sentence."""

from __future__ import annotations

from recsys_lab import widgets
from recsys_lab.widgets.base import Bench


def changed(bench: Bench, **values: object) -> str:
    for name, value in values.items():
        bench.controls[name].value = value
    return bench.sentence


def test_the_fault_lab_crashes_by_seed_and_keeps_the_promise_of_each_guarantee() -> None:
    bench = widgets.fault_lab(seed=7)
    assert "none lost, none doubled, none wrong" in bench.sentence
    assert "20 doubled" in changed(bench, guarantee="at-least-once")
    assert "20 doubled" not in changed(bench, every=5)
    assert "5 lost, none doubled" in changed(bench, guarantee="at-most-once")
    assert changed(bench, seed=8) != changed(bench, seed=7)


def test_a_larger_buffer_drops_less() -> None:
    bench = widgets.overload_lab(buffer=50)
    assert "drops 321" in bench.sentence
    assert "drops" not in changed(bench, buffer=1000).partition(". ")[0]


def test_the_retry_lab_recovers_below_a_quarter_of_the_capacity() -> None:
    bench = widgets.retry_lab()
    assert "never recovers" in bench.sentence
    assert "works again" in changed(bench, load=0.2)
    assert "works again" in changed(bench, load=0.7, policy="circuit breaker")


def test_the_peeking_lab_is_fooled_by_looks_and_sees_what_is_there() -> None:
    bench = widgets.peeking_lab(looks=20)
    assert "sees one in 24 % of tests" in bench.sentence
    assert "sees one in 5 % of tests" in changed(bench, looks=1)
    assert changed(bench, looks=20, effect=0.03).startswith("3 points of difference")
