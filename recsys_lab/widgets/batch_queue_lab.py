"""The fixed-batch lab: one setting for a whole day, and what each of five loads makes of it."""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice


def batch_queue_lab(*, size: int = 60, wait_ms: int = 150) -> Bench:
    """How many requests a batch may hold, and how long its oldest may wait. The arguments: where the sliders stand."""
    controls = {
        "size": choice("a batch holds at most", size, (1, 5, 20, 40, 60, 80, 100, 200)),
        "wait_ms": choice("its oldest waits at most (ms)", wait_ms, tuple(range(0, 200, 10))),
    }
    return Bench(
        "The fixed-batch lab", controls, experiments.fixed_batches, plots.batch_loads, plots.batch_loads_sentence
    )
