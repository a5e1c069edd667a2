"""The drift lab: which drift, which detector, how sensitive? And what that costs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from recsys_lab import experiments, plots
from recsys_lab.plots.style import Picture
from recsys_lab.widgets.base import Bench
from recsys_lab.widgets.controls import menu, slider

KINDS = {
    "all tastes at once (abrupt)": "abrupt",
    "tastes over ten days (gradual)": "gradual",
    "one category's season": "season",
    "new items": "new items",
    "nothing": "none",
}
CALMEST = 5


def drift_lab(*, kind: str = "abrupt", calm: int = 4, seeds: Sequence[int] = (0, 1)) -> Bench:
    """A detector on a simulated world: its alarms, its delay, its false alarms at every setting.

    kind, calm (1 loud to 5): where the controls stand at first. seeds: of the worlds; the first of them is drawn.
    """

    def experiment(kind: str, detector: str, calm: int) -> pd.DataFrame:
        table: pd.DataFrame = experiments.watched(kind, detector, calm, seed=seeds[0])
        table.attrs.update(detector=detector, calm=calm)
        return table

    def trade(table: pd.DataFrame) -> pd.DataFrame:
        costs: pd.DataFrame = experiments.trade_off(table.attrs["kind"], table.attrs["detector"], seeds=seeds)
        return costs.assign(now=costs["calm"] == table.attrs["calm"])

    def plot(table: pd.DataFrame) -> Picture:
        return plots.drift_lab(table, trade(table))

    def sentence(table: pd.DataFrame) -> str:
        return plots.drift_lab_sentence(table, trade(table))

    first = {said: name for said, name in KINDS.items() if name == kind}
    controls = {
        "kind": menu("what changes", {**first, **KINDS}),
        "detector": menu("detector", {"ADWIN": "ADWIN", "Page-Hinkley": "Page-Hinkley"}),
        "calm": slider("1 loud … 5 calm", calm, 1, CALMEST),
    }
    return Bench("The drift lab", controls, experiment, plot, sentence)
