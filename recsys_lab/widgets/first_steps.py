"""A newcomer's first steps: watch the list get to know you."""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import slider


def first_steps(steps: pd.DataFrame, *, step: int = 0) -> Bench:
    """A slider over the newcomer's views.

    steps: of `experiments.first_steps`. step: where the slider stands at first.
    """
    return Bench(
        "Your first steps in the shop",
        {"views": slider("items you have viewed", step, 0, int(steps["step"].max()))},
        lambda views: steps[steps["step"] == views],
        plots.shelf,
        _sentence,
    )


def _sentence(shelf: pd.DataFrame) -> str:
    viewed, best = shelf["viewed"].iloc[0], shelf["name"].iloc[0]
    return f"You have just viewed: {viewed}. Now the best is: {best}." if viewed else f"The best is: {best}."
