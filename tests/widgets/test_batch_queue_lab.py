"""The fixed-batch lab shows the day for the setting that is chosen."""

from __future__ import annotations

from recsys_lab import experiments, plots, widgets


def test_its_sentence_follows_the_sliders() -> None:
    lab = widgets.batch_queue_lab(size=60, wait_ms=150)
    first = lab.sentence

    lab.controls["wait_ms"].value = 90
    lab.controls["size"].value = 200

    assert lab.sentence == plots.batch_loads_sentence(experiments.fixed_batches(size=200, wait_ms=90))
    assert lab.sentence != first
    assert "in 5 of 5 loads" in lab.sentence
