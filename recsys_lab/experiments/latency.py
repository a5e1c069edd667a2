"""How long an answer takes, computed and from the cache: measured in wall time, so never twice the same."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from recsys_lab.experiments.cache import Visit


def request_latency(load: Iterable[Visit]) -> pd.DataFrame:
    """Every request of a `cache_load`, asked twice at the same instant: a column for each way of answering.

    Columns: computed_ms (the engine ranked its candidates), cached_ms (it gave the same answer again).
    """
    rows = [(visit.computed_ms, visit.cached_ms) for visit in load if visit.kind == "request"]
    return pd.DataFrame(rows, columns=["computed_ms", "cached_ms"])
