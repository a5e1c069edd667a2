"""The subscriber lab: how slow may a reader be, and how much must the stream hold?"""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, slider

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)


def subscriber_lab(*, slow_seconds: float = 3.0, held: int = 20) -> Bench:
    """One event a second for a quick, a slow and a failing reader.

    slow_seconds, held: as in `experiments.subscribers`; where the sliders stand at first.
    """
    controls = {
        "slow_seconds": choice("slow reader: seconds an event", slow_seconds, SECONDS),
        "held": slider("events that the stream holds", held, 1, 120),
    }
    return Bench("The subscriber lab", controls, experiments.subscribers, plots.subscribers, plots.subscribers_sentence)
