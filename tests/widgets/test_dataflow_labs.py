"""The labs of notebook 04: a control moves the picture and the sentence."""

from __future__ import annotations

from recsys_lab import experiments, widgets
from recsys_lab.widgets.base import Bench
from tests.shops import small_shop


def changed(bench: Bench, **values: object) -> tuple[str, str]:
    for name, value in values.items():
        bench.controls[name].value = value
    return bench.picture.finding, bench.sentence


def test_the_stepper_steps() -> None:
    bench = widgets.stepper(step=5)
    assert "Record 5 of 12" in bench.picture.finding
    assert "Record 6 of 12" in changed(bench, step=6)[0]
    assert "the stream is over" in changed(bench, step=13)[0]


def test_the_stepper_knows_another_bound_and_other_jobs() -> None:
    bench = widgets.stepper(step=6)
    assert bench.picture.finding.endswith("too late")
    assert not changed(bench, bound=300)[0].endswith("too late")
    assert "corrected" in changed(bench, bound=60, job="kept")[1]
    assert "session" in changed(bench, job="sessions")[1]
    assert "a timer waits for" in changed(bench, job="nudges")[1]


def test_the_stepper_begins_with_the_job_that_is_asked_for() -> None:
    bench = widgets.stepper(job="nudges", step=11)
    assert bench.controls["job"].value == "nudges"
    assert len(bench.controls["job"].options) == 4
    assert "nudged" in bench.sentence


def test_longer_silence_makes_fewer_sessions() -> None:
    bench = widgets.window_lab(gap=4)
    assert "4 sessions" in bench.sentence
    assert "1 session" in changed(bench, gap=10)[1]


def test_the_watermark_lab_moves_purchases_between_three_places() -> None:
    bench = widgets.watermark_lab(experiments.arrivals(small_shop().head(500)), bound=0)
    without = bench.sentence
    kept = changed(bench, lateness=1200)
    assert "by an update 0" in without
    assert "by an update 0" not in kept[1]
    assert kept[0] != changed(bench, bound=600)[0]


def test_the_crash_lab_crashes_where_it_is_told() -> None:
    bench = widgets.crash_lab(at=18, every=7)
    assert "doubles 3 results" in bench.picture.finding
    assert "nothing is doubled" in changed(bench, at=15)[0]
    assert "began anew" in changed(bench, at=3)[1]
    assert "with 8 subtasks" in changed(bench, parallelism=8)[1]
