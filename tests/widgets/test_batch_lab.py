"""The batch lab, and the pictures of the beginner's questions: the title says what the table shows."""

from __future__ import annotations

import pandas as pd

from recsys_lab import plots, widgets
from tests.shops import small_shop


def test_the_batch_lab_follows_its_slider() -> None:
    shop = small_shop()
    bench = widgets.batch_lab(shop[shop["timestamp"] < shop["timestamp"].min() + pd.Timedelta(days=1)], every=60)

    hourly = bench.sentence
    bench.controls["every"].value = 5

    assert hourly.startswith("A batch every 60 min")
    assert bench.picture.finding.startswith("A batch every 5 min")
    assert bench.sentence != hourly


def test_the_share_that_is_counted_in_a_wrong_window_is_the_finding() -> None:
    table = pd.DataFrame({"start": [0.0, 5.0], "happened": [3, 1], "arrived": [2, 2], "elsewhere": [1, 0]})

    assert plots.at_arrival(table).finding == "Counted when they arrive, 25 % of the purchases are in a wrong window"
