"""The runtime lab: one job on two runtimes, results side by side, and what each run took."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu
from recsys_lab.widgets.stepper import JOBS

PIPELINES = {**JOBS, "join views and purchases": "join"}
WATERMARKS = {"with every record, as locally": "every", "every 200 ms, as Flink does by itself": "often"}


def runtime_lab(cluster: Any, *, parallelism: int = 2) -> Bench:
    """Each choice that was not seen before is run on the cluster, which takes five to ten seconds.

    cluster: a LocalFlink, which is started again where it was stopped. parallelism: where the slider stands at first.
    """

    def experiment(parallelism: int, job: str, watermarks: str) -> pd.DataFrame:
        table: pd.DataFrame = experiments.both_runtimes(
            cluster.start().address, job, parallelism, watermarks == "every"
        )
        return table

    controls = {
        "parallelism": choice("subtasks behind a key", parallelism, (1, 2, 4)),
        "job": menu("what the job does", PIPELINES),
        "watermarks": menu("Flink's watermark moves", WATERMARKS),
    }
    return Bench("The runtime lab", controls, experiment, plots.both_runtimes, plots.both_runtimes_sentence)
