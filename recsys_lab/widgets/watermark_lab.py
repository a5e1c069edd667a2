"""The watermark lab: how long to wait for late records, and how long to keep a window after that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice

CHOICES = (("none", 0), ("30 s", 30), ("1 min", 60), ("2 min", 120), ("5 min", 300), ("10 min", 600), ("20 min", 1200))


def watermark_lab(stream: Sequence[Any], *, bound: int = 60, lateness: int = 0) -> Bench:
    """Completeness and delay of windowed counts, for any bound and allowed lateness.

    stream: of `experiments.arrivals`. bound, lateness: seconds; where the controls stand at first.
    """

    @cache
    def measured(lateness: int) -> pd.DataFrame:
        bounds = [seconds for _, seconds in CHOICES]
        table: pd.DataFrame = experiments.lateness(stream, bounds=bounds, lateness=lateness)
        return table

    def experiment(bound: int, lateness: int) -> pd.DataFrame:
        table = measured(lateness)
        return table.assign(now=table["bound"] == bound)

    controls = {
        "bound": choice("bound: the watermark waits", bound, CHOICES),
        "lateness": choice("allowed lateness: window kept", lateness, CHOICES),
    }
    return Bench("The watermark lab", controls, experiment, plots.lateness, plots.lateness_sentence)
