"""The guarantee lab: choose a guarantee and a moment for `kill -9`; count what is lost and what is doubled."""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import menu

DELIVERIES = {name.replace("-", " "): name for name in ("at-least-once", "at-most-once", "exactly-once")}
MOMENTS = {
    "has sent its results": "sent",
    "has a batch in hand": "polled",
    "is at work on the batch": "record",
    "has worked on all of it": "processed",
    "has committed": "committed",
}


def guarantee_lab(kafka: Any) -> Bench:
    """A real consumer process, killed in its second batch and started again; two lives, a second or two each.

    kafka: a broker, which is started again where it was stopped.
    """

    def experiment(delivery: str, crash: str) -> pd.DataFrame:
        table: pd.DataFrame = experiments.crashes(kafka.start().bootstrap_servers, [(delivery, crash)])
        return table

    controls = {"delivery": menu("guarantee", DELIVERIES), "crash": menu("killed when it", MOMENTS)}
    return Bench("The guarantee lab", controls, experiment, plots.crashes, plots.crashes_sentence)
