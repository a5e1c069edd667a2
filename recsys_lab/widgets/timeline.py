"""The event timeline, to step through."""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import slider


def event_timeline(story: pd.DataFrame, *, step: int = 1) -> Bench:
    """A slider that moves through a story.

    story: of `experiments.event_life`. step: where the slider stands at first.
    """
    return Bench(
        "An event's life, step by step",
        {"step": slider("step of the story", step, 1, int(story["step"].max()))},
        lambda step: story.assign(now=story["step"] == step),
        plots.event_timeline,
        plots.timeline_sentence,
    )
