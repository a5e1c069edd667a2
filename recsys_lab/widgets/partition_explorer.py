"""The partition explorer: choose a key, users and readers; see who gets what, and what order is kept."""

from __future__ import annotations

from functools import partial
from typing import Any

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu, slider

KEYS = {"the user": "user", "none": "none", "the item": "item", "one for all": "one for all"}


def partition_explorer(explored: Any, *, users: int = 6, readers: int = 2) -> Bench:
    """Real records in topics of three partitions, and the real groups that shared them.

    explored: of `experiments.explore_partitions`. users (2, 4, 6 or 8), readers (1 to 4): where the sliders stand at
    first.
    """
    controls = {
        "users": choice("users, four events each", users, (2, 4, 6, 8)),
        "readers": slider("readers in the group", readers, 1, 4),
        "key": menu("key of a record", KEYS),
    }
    experiment = partial(experiments.partitions, explored)
    return Bench("The partition explorer", controls, experiment, plots.partitions, plots.partitions_sentence)
