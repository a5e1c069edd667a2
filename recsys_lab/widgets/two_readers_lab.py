"""Two readers of one topic: what each had at five moments of a job whose TaskManager was killed."""

from __future__ import annotations

from functools import partial
from typing import Any

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice

MOMENTS = {
    "results are written": "written",
    "the first are committed": "committed",
    "kill -9": "killed",
    "the job goes on": "again",
    "all is over": "end",
}


def two_readers_lab(killed: Any, *, moment: str = "end") -> Bench:
    """One run, five moments. killed: of `experiments.kill_task_manager`. moment: where the slider stands at first."""
    controls = {"moment": choice("moment", moment, list(MOMENTS.items()))}
    experiment = partial(experiments.readers_at, killed)
    return Bench("Two readers", controls, experiment, plots.two_readers, plots.two_readers_sentence)
