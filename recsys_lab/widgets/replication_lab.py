"""The replication lab: whose acknowledgement is waited for, and what is it worth when the leader dies?"""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu

ACKS = {"all: every copy in sync": "all", "1: the leader alone": "1", "0: nobody": "0"}


def replication_lab(run: pd.DataFrame, *, insync: int = 2) -> Bench:
    """One run in which a leader was killed, seen by producers of different caution.

    run: of `experiments.kill_the_leader`. insync: where the slider stands at first.
    """

    def experiment(insync: int, acks: str) -> pd.DataFrame:
        theirs = run[run["acks"] == acks]
        return theirs[theirs["insync"] == (insync if acks == "all" else 1)]

    controls = {
        "insync": choice("least replicas in sync", insync, (1, 2, 3)),
        "acks": menu("acks, who must have it", ACKS),
    }
    return Bench("The replication lab", controls, experiment, plots.acknowledged, plots.replication_sentence)
