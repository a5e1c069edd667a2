"""The overload lab: how large a buffer, how large a rush?"""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice


def overload_lab(*, buffer: int = 50, rush: int = 40) -> Bench:
    """Twenty seconds of rush before a worker of 20 visits a second. The arguments: where controls stand at first."""
    controls = {
        "buffer": choice("buffer (visits)", buffer, (1, 10, 50, 200, 1000)),
        "rush": choice("visits a second in the rush", rush, (15, 20, 25, 30, 40, 60)),
    }
    return Bench("The overload lab", controls, experiments.overloads, plots.overload, plots.overload_sentence)
