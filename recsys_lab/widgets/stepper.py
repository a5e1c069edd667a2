"""The stepper: a job, one record at a time, with everything that goes on inside it."""

from __future__ import annotations

from functools import cache

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu, slider

JOBS = {
    "count in windows of 5 minutes": "windows",
    "the same, kept 5 minutes longer": "kept",
    "count in sessions, 3 minutes of silence": "sessions",
    "nudge 5 minutes after a view": "nudges",
}
BOUNDS = (("none", 0), ("30 s", 30), ("1 min", 60), ("2 min", 120), ("5 min", 300))


def stepper(*, job: str = "windows", step: int = 1, bound: int = 60) -> Bench:
    """A morning of twelve records, stepped through by the lab's engine.

    job: of `experiments.steps`. step, bound (seconds): where the controls stand at first.
    """

    @cache
    def run(job: str, bound: int) -> pd.DataFrame:
        table: pd.DataFrame = experiments.steps(job, bound)
        return table

    def experiment(step: int, bound: int, job: str) -> pd.DataFrame:
        table = run(job, bound)
        return table.assign(now=table["step"] == step)

    first = {said: name for said, name in JOBS.items() if name == job}
    controls = {
        "step": slider("record", step, 1, int(run(job, bound)["step"].max())),
        "bound": choice("bound: wait for late ones", bound, BOUNDS),
        "job": menu("what the job does", {**first, **JOBS}),
    }
    return Bench("The stepper", controls, experiment, plots.steps, plots.steps_sentence)
