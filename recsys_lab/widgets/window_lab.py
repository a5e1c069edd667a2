"""The window lab: how wide, how often, how long a silence."""

from __future__ import annotations

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import slider


def window_lab(*, size: int = 10, slide: int = 5, gap: int = 4) -> Bench:
    """Three kinds of windows over the same events. size, slide, gap: minutes; where the sliders stand at first."""
    controls = {
        "size": slider("window size (minutes)", size, 2, 15),
        "slide": slider("sliding: one every (minutes)", slide, 2, 15),
        "gap": slider("session: silence (minutes)", gap, 1, 10),
    }
    return Bench("The window lab", controls, experiments.window_kinds, plots.window_kinds, plots.window_kinds_sentence)
