"""Widgets: moving a control changes picture and sentence; what stands still shows the same."""

from __future__ import annotations

import base64

import ipywidgets
import pandas as pd
import pytest

from recsys_lab import widgets
from recsys_lab.plots.style import Picture, picture
from recsys_lab.widgets.base import Bench
from tests.shops import a_load, a_story, some_steps


def a_bench(calls: list[int]) -> Bench:
    def experiment(n: int) -> pd.DataFrame:
        calls.append(n)
        return pd.DataFrame({"n": [n]})

    def plot(table: pd.DataFrame) -> Picture:
        return picture(f"n is {table['n'].item()}")[0]

    controls = {"n": ipywidgets.IntSlider(1, 0, 5)}
    return Bench("a bench", controls, experiment, plot, lambda table: f"n is {table['n'].item()}. And more.")


def test_moving_a_control_changes_the_picture_and_the_sentence() -> None:
    bench = a_bench([])
    before = bench._image.value

    bench.controls["n"].value = 3

    assert bench.sentence == "n is 3. And more."
    assert bench._image.value != before


def test_a_setting_seen_before_is_not_computed_again() -> None:
    calls: list[int] = []
    bench = a_bench(calls)

    for n in (3, 1, 3):
        bench.controls["n"].value = n

    assert calls == [1, 3]


def test_the_words_beside_the_picture_do_not_repeat_its_title() -> None:
    assert a_bench([])._words.value == "And more."


def test_where_no_kernel_runs_the_same_picture_and_sentence_stand_still() -> None:
    bench = a_bench([])

    bundle = bench._repr_mimebundle_()

    assert bundle["text/plain"] == "a bench: n is 1. And more."
    assert base64.b64decode(bundle["image/png"]) == bench._image.value


def test_more_than_three_controls_are_refused() -> None:
    four = {str(n): ipywidgets.IntSlider() for n in range(4)}
    with pytest.raises(ValueError, match="controls are 4"):
        Bench("too much", four, lambda **_: pd.DataFrame(), lambda table: picture("")[0], lambda table: "")


def test_the_timeline_steps_through_the_story() -> None:
    bench = widgets.event_timeline(a_story())

    bench.controls["step"].value = 4

    assert bench.picture.finding.startswith("Step 4 of 13")


def test_the_cache_lab_answers_for_any_time_to_live() -> None:
    bench = widgets.cache_lab({4: a_load()})
    assert bench.sentence.startswith("A 5-minute cache serves")

    bench.controls["ttl"].value = 0

    assert bench.sentence.startswith("With no cache every request is computed")


def test_the_subscriber_lab_misses_nothing_when_the_reader_is_quick_enough() -> None:
    bench = widgets.subscriber_lab()
    assert "misses 60 of 120" in bench.sentence

    bench.controls["slow_seconds"].value = 0.5

    assert "misses nothing" in bench.sentence


def test_the_first_steps_start_from_what_is_popular() -> None:
    bench = widgets.first_steps(some_steps())
    assert bench.picture.finding.startswith("Nothing is known of you")

    bench.controls["views"].value = 2

    assert bench.sentence.startswith("You have just viewed")
