"""Pictures of the study questions: the title follows the table."""

from __future__ import annotations

import pandas as pd

from recsys_lab import experiments, plots


def some_tenants(p99_ms: float, refused: int = 0) -> pd.DataFrame:
    rows = [("blue", False, 20, 0, 4.0, p99_ms, 0.1), ("red", True, 100, refused, 9.0, 9000.0, 4.0)]
    return pd.DataFrame(rows, columns=["tenant", "noisy", "requests", "refused", "p50_ms", "p99_ms", "work_s"])


def test_the_tenants_title_says_whether_the_quiet_ones_are_quick() -> None:
    assert plots.tenants(some_tenants(90)).finding == "The quiet tenants stay under 250 ms: their p99 is up to 90 ms"
    assert plots.tenants(some_tenants(3400)).finding == "The quiet tenants miss 250 ms: their p99 is up to 3.4 s"


def test_the_tenants_sentence_names_who_was_refused() -> None:
    assert plots.tenants_sentence(some_tenants(90)).endswith("Refused: nothing.")
    assert plots.tenants_sentence(some_tenants(90, 1234)).endswith("Refused: red 1,234.")


def test_an_idle_server_can_be_drawn() -> None:
    assert plots.tenants(some_tenants(0).assign(p50_ms=0.0, p99_ms=0.0, work_s=0.0)).to_png()


def test_the_title_of_the_two_layers_counts_what_is_missing() -> None:
    times = pd.date_range("2011-12-05", "2011-12-06", freq="20min", tz="UTC")
    picture = plots.lambda_views(experiments.lambda_views(pd.DataFrame({"timestamp": times}), late_share=0.0))
    assert picture.finding.startswith("Purchases missing at worst: cut by time ")
    assert picture.finding.endswith("cut by offset 0")


def some_regions(rpo_s: float, lost: int) -> pd.DataFrame:
    rows = [(0, 2.0, 2, rpo_s, 3.0, lost, 4.0, 4.0), (1, 2.0, 2, None, None, 0, 1.0, None)]
    columns = ["schedule", "every_s", "copies", "rpo_s", "rto_s", "lost", "wait_s", "wait_cut_s"]
    return pd.DataFrame(rows, columns=columns)


def test_the_title_of_the_regions_says_what_is_lost() -> None:
    assert plots.regions(some_regions(0, 0)).finding.endswith("no acknowledged write is lost with one")
    assert "up to 4.5 s of acknowledged writes are lost" in plots.regions(some_regions(4.5, 3)).finding
    assert "RPO 4.5 s (3 writes), RTO 3.0 s" in plots.regions_sentence(some_regions(4.5, 3))
