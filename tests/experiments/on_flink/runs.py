"""A run whose TaskManager was killed, made by hand: known to the last record."""

from __future__ import annotations

import pandas as pd

from recsys_lab.experiments.on_flink.two_readers import Killed
from recsys_lab.flink import JobResult

RESULTS = [f"result {number}" for number in range(6)]


def a_killed_run(*, doubled: bool = True) -> Killed:
    """Six results, of which two are written at 2 s and committed at 3 s, two written at 4 s, and a kill at 5 s.

    At 8 s the two come again (doubled), or it turns out that they had been committed; then come the last two.
    """
    rows = [("all", 2.0, value) for value in RESULTS[:2]] + [("committed", 3.0, value) for value in RESULTS[:2]]
    rows += [("all", 4.0, value) for value in RESULTS[2:4]]
    rows += [("all", 8.0, value) for value in RESULTS[2:4] if doubled]
    rows += [("all", 9.0, value) for value in RESULTS[4:]] + [("committed", 10.0, value) for value in RESULTS[2:]]
    seen = pd.DataFrame(rows, columns=["reader", "seconds", "value"])
    moments = pd.DataFrame([("killed", 5.0), ("a new TaskManager", 6.0)], columns=["what", "seconds"])
    return Killed(seen, moments, JobResult("shop", 100, 6, 0, 3, 1, None), "recommendations")
