"""The batching lab: how long may a record wait, how large may a batch be, and is it worth packing?"""

from __future__ import annotations

from functools import cache

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu

COMPARED = ((0, 0, "none"), (0, 16, "none"), (100, 16, "none"))
"""Each alone; batches, but no waiting; batches, and patience."""


def batching_lab(servers: str, *, linger_ms: int = 20, batch_kb: int = 16) -> Bench:
    """A producer's throughput and latency, measured on a running Kafka, beside those of three plain settings.

    servers: of a running Kafka. linger_ms, batch_kb: where the sliders stand at first.
    """

    @cache
    def measured(*setting: object) -> pd.DataFrame:
        table: pd.DataFrame = experiments.batching(servers, [setting])
        return table

    def experiment(linger_ms: int, batch_kb: int, compression: str) -> pd.DataFrame:
        chosen = (linger_ms, batch_kb, compression)
        rows = [measured(*setting) for setting in (*COMPARED, chosen)]
        return pd.concat(rows, ignore_index=True).assign(now=[False] * len(COMPARED) + [True])

    controls = {
        "linger_ms": choice("a record may wait (ms)", linger_ms, (0, 5, 20, 50, 100, 200)),
        "batch_kb": choice("a batch may hold (KiB; 0: one record)", batch_kb, (0, 1, 4, 16, 64)),
        "compression": menu("compression", {"none": "none", "gzip": "gzip", "lz4": "lz4"}),
    }
    return Bench("The batching lab", controls, experiment, plots.batching, plots.batching_sentence)
