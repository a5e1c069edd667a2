"""The tenant lab: make one tenant noisy, and see what three ways to share a server do to the others."""

from __future__ import annotations

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu

WAYS = {
    "first come, first served": "first come",
    "the same, 50 waiting at most of each": "quota",
    "turn by turn, 50 waiting at most of each": "turns",
}


def tenant_lab(*, per_second: int = 40, cost_ms: int = 40) -> Bench:
    """Three quiet tenants beside a noisy one on a simulated server.

    per_second, cost_ms: requests of the noisy one and what each takes, where the sliders stand at first.
    """

    def experiment(way: str, per_second: int, cost_ms: int) -> pd.DataFrame:
        table: pd.DataFrame = experiments.tenants(
            experiments.schedulers[way](), noisy_per_second=per_second, noisy_cost_ms=cost_ms, seconds=10
        )
        return table

    controls = {
        "way": menu("who is served next", WAYS),
        "per_second": choice("requests a second of the noisy", per_second, [0, 5, 10, 20, 40, 100, 400, 1000]),
        "cost_ms": choice("and each of them takes (ms)", cost_ms, [1, 2, 4, 10, 20, 40]),
    }
    return Bench("The tenant lab", controls, experiment, plots.tenants, plots.tenants_sentence)
