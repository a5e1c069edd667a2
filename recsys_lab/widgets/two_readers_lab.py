"""Two readers of one topic: what each had at five moments of a job whose TaskManager was killed."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench

MOMENTS = {
    "results are written": "written",
    "the first are committed": "committed",
    "kill -9": "killed",
    "the job goes on": "again",
    "all is over": "end",
}


def two_readers_lab(killed: Any, *, moment: str = "end") -> Bench:
    """One run, five moments. killed: of `experiments.kill_task_manager`. moment: where the slider stands at first."""

    def experiment(moment: str) -> pd.DataFrame:
        table: pd.DataFrame = experiments.readers_at(killed, moment)
        return table

    slider = ipywidgets.SelectionSlider(
        value=moment,
        options=list(MOMENTS.items()),
        description="moment",
        continuous_update=False,
        style={"description_width": "220px"},
        layout={"width": "620px"},
    )
    return Bench("Two readers", {"moment": slider}, experiment, plots.two_readers, plots.two_readers_sentence)
