"""The fault lab: a guarantee, a schedule of crashes, an interval between checkpoints; what comes of it."""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu, slider

GUARANTEES = {
    "exactly once": "exactly-once",
    "at least once": "at-least-once",
    "at least once, keyed writes": "keyed-writes",
    "at most once": "at-most-once",
}


def fault_lab(*, seed: int = 7, every: int = 20) -> Bench:
    """A pipeline of 120 records through a seeded schedule of crashes. The arguments: where controls stand at first."""
    controls = {
        "guarantee": menu("guarantee", GUARANTEES),
        "seed": slider("schedule of crashes (seed)", seed, 0, 40),
        "every": choice("a checkpoint every … records", every, (5, 10, 20, 40, 60)),
    }
    return Bench("The fault lab", controls, experiments.crash_run, plots.crash_run, plots.crash_run_sentence)
