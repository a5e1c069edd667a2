"""The batch lab: how often must a job run until its list is as good as a stream's?"""

from __future__ import annotations

from functools import partial

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice

MINUTES = (5, 15, 30, 60, 120, 240)


def batch_lab(purchases: pd.DataFrame, *, every: int = 60) -> Bench:
    """The best-sellers of one day from a batch, beside those from a stream.

    purchases: as `datasets.load` gives them. every: minutes between two runs, where the slider stands at first.
    """
    controls = {"every": choice("minutes between two runs", every, MINUTES)}
    experiment = partial(experiments.batch_and_stream, purchases)
    return Bench("The batch lab", controls, experiment, plots.batch_and_stream, plots.batch_and_stream_sentence)
