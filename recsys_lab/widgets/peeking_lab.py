"""The peeking lab: how often to look, and is there anything to see?"""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, slider

EFFECTS = (("none", 0.0), ("1 point", 0.01), ("2 points", 0.02), ("3 points", 0.03))


def peeking_lab(*, looks: int = 20, effect: float = 0.0) -> Bench:
    """A thousand tests, 5,000 users in each version, 10 % successes in A. The arguments: where controls stand first."""
    controls = {
        "looks": choice("looks", looks, (1, 2, 5, 10, 20, 50, 100)),
        "effect": choice("true difference", effect, EFFECTS),
        "seed": slider("chance (seed)", 0, 0, 20),
    }
    return Bench("The peeking lab", controls, experiments.peeking, plots.peeking, plots.peeking_sentence)
