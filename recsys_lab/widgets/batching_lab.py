"""The batching lab: how long may a record wait, how large may a batch be, and is it worth packing?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import choice, menu


def batching_lab(kafka: Any, compared: pd.DataFrame, *, linger_ms: int = 20, batch_kb: int = 16) -> Bench:
    """A producer's throughput and latency, measured on a running Kafka, beside those of a few plain settings.

    kafka: a broker, which is started again where it was stopped. compared: of `experiments.batching`. linger_ms,
    batch_kb: where the sliders stand at first.
    """

    def experiment(linger_ms: int, batch_kb: int, compression: str) -> pd.DataFrame:
        chosen: pd.DataFrame = experiments.batching(
            kafka.start().bootstrap_servers, [(linger_ms, batch_kb, compression)]
        )
        return pd.concat([compared.assign(now=False), chosen.assign(now=True)], ignore_index=True)

    controls = {
        "linger_ms": choice("a record may wait (ms)", linger_ms, (0, 5, 20, 50, 100, 200)),
        "batch_kb": choice("a batch may hold (KiB)", batch_kb, (0, 1, 4, 16, 64)),
        "compression": menu("compression", {"none": "none", "gzip": "gzip", "lz4": "lz4"}),
    }
    return Bench("The batching lab", controls, experiment, plots.batching, plots.batching_sentence)
