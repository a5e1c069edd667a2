"""The retry lab: a service, an outage, and callers with a policy."""

from __future__ import annotations

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu, slider

POLICIES = {
    "three retries, at once": "at once",
    "three retries, backing off": "back-off",
    "three retries, backing off, with jitter": "back-off and jitter",
    "retries within a budget": "retry budget",
    "three retries, circuit breaker": "circuit breaker",
    "no retries": "no retries",
}
LOADS = tuple((f"{load} %", load / 100) for load in (15, 20, 25, 30, 50, 70, 80))


def retry_lab(*, load: float = 0.7, outage: int = 6) -> Bench:
    """Does the service recover? The arguments: where the controls stand at first."""

    def experiment(policy: str, load: float, outage: int) -> pd.DataFrame:
        table: pd.DataFrame = experiments.storm([policy], load=load, outage=outage)
        return table

    controls = {
        "policy": menu("callers", POLICIES),
        "load": choice("load, of the capacity", load, LOADS),
        "outage": slider("outage (s)", outage, 0, 20),
    }
    return Bench("The retry lab", controls, experiment, plots.storm, plots.storm_sentence)
