"""The region lab: how often do regions talk, how many must have a write, and what is lost with one of them?"""

from __future__ import annotations

from functools import partial

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, slider


def region_lab(*, copies: int = 1, every_s: int = 2, schedules: int = 100) -> Bench:
    """RPO, RTO and waiting over so many seeded schedules of partitions and losses.

    copies, every_s: where the sliders stand at first.
    """
    controls = {
        "copies": slider("acknowledged by (regions)", copies, 1, 3),
        "every_s": choice("seconds between two messages", every_s, [1, 2, 4, 8]),
    }
    experiment = partial(experiments.regions, schedules=schedules)
    return Bench("The region lab", controls, experiment, plots.regions, plots.regions_sentence)
