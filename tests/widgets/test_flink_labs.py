"""The labs of notebook 05: a control moves the picture and the sentence."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from recsys_lab import experiments, widgets
from tests.experiments.on_flink.runs import a_killed_run
from tests.plots.test_flink_pictures import results


def test_the_two_readers_are_shown_at_the_moment_that_is_chosen() -> None:
    bench = widgets.two_readers_lab(a_killed_run())
    assert "read_uncommitted has some twice" in bench.sentence

    bench.controls["moment"].value = "written"
    assert bench.sentence.startswith("Results are written, and none is committed")
    bench.controls["moment"].value = "killed"
    assert "Kafka will abort it" in bench.sentence


class Stopped:
    """Stands for a cluster that is started when it is needed."""

    address = "127.0.0.1:8081"
    starts = 0

    def start(self) -> Stopped:
        self.starts += 1
        return self


def test_the_runtime_lab_hands_its_choices_to_the_cluster_and_starts_it_if_need_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Any, ...]] = []

    def both_runtimes(*arguments: Any) -> pd.DataFrame:
        asked.append(arguments)
        return results(["a"], ["a"], every=arguments[-1])

    monkeypatch.setattr(experiments, "both_runtimes", both_runtimes, raising=False)
    cluster = Stopped()
    bench = widgets.runtime_lab(cluster, parallelism=2)
    bench.controls["watermarks"].value = "often"
    bench.controls["job"].value = "join"

    assert asked == [
        ("127.0.0.1:8081", "windows", 2, True),
        ("127.0.0.1:8081", "windows", 2, False),
        ("127.0.0.1:8081", "join", 2, False),
    ]
    assert cluster.starts == 3
    assert "made no difference" in bench.sentence
