"""The crash lab: kill a job at any record, restore it, compare."""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, slider


def crash_lab(*, at: int = 18, every: int = 7, parallelism: int = 4) -> Bench:
    """Thirty records, a crash, and a second life. The arguments: where the controls stand at first."""
    controls = {
        "at": slider("crash at record", at, 1, 30),
        "every": slider("a checkpoint every … records", every, 1, 30),
        "parallelism": choice("subtasks in the second life", parallelism, (1, 2, 4, 8)),
    }
    return Bench("The crash lab", controls, experiments.crash, plots.crash, plots.crash_sentence)
