"""Detectors of drift over ten seeds: delay, what is missed, false alarms; each at a loud and at a calm setting.

No measure of speed but for the last column. It stands here because KSWIN takes minutes: it makes a statistical test at
every value. The rules are those of `experiments.detection`; notebook 07 shows the quick detectors.

    python -m benchmarks detectors
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

import pandas as pd

from recsys_lab.experiments.drift.detection import CALM_DELTA, alarms, detection, detection_summary
from recsys_lab.experiments.drift.detectors import MakeDetector, adwin, kswin, page_hinkley
from recsys_lab.experiments.drift.signals import surprise

DETECTORS: dict[str, MakeDetector] = {
    "ADWIN, delta 0.00001": lambda: adwin(CALM_DELTA),
    "ADWIN, delta 0.002 (default)": adwin,
    "Page-Hinkley, threshold 50 (default)": page_hinkley,
    "Page-Hinkley, threshold 20": lambda: page_hinkley(20.0),
    "KSWIN, alpha 0.005 (default)": kswin,
    "KSWIN, alpha 0.00000001": lambda: kswin(1e-8),
}


def rows(seeds: int = 10) -> list[dict[str, Any]]:
    """A row for each detector."""
    table = detection_summary(detection(DETECTORS, seeds=range(seeds))).reset_index()
    table["microseconds a value"] = [_cost(make) for make in DETECTORS.values()]
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _cost(make: MakeDetector) -> float:
    signal = surprise("abrupt", 0)
    start = perf_counter()
    alarms(signal, make)
    return round(1e6 * (perf_counter() - start) / len(signal.values), 1)


if __name__ == "__main__":
    print(pd.DataFrame(rows(*map(int, sys.argv[1:]))).to_string(index=False))
