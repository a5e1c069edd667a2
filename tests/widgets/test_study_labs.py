"""The labs of the study questions: a control moves the picture and the sentence."""

from __future__ import annotations

from recsys_lab import widgets
from recsys_lab.widgets.base import MOST_CONTROLS


def test_the_tenant_lab_makes_one_tenant_noisy() -> None:
    bench = widgets.tenant_lab(per_second=0)
    assert "stay under" in bench.picture.finding
    bench.controls["per_second"].value = 40
    assert "miss" in bench.picture.finding
    bench.controls["cost_ms"].value = 1
    assert "stay under" in bench.picture.finding
    assert len(bench.controls) <= MOST_CONTROLS


def test_turns_help_against_many_requests_and_not_against_heavy_ones() -> None:
    bench = widgets.tenant_lab(per_second=1000, cost_ms=2)
    assert "miss" in bench.picture.finding
    bench.controls["way"].value = "turns"
    assert "stay under" in bench.picture.finding
    bench.controls["per_second"].value, bench.controls["cost_ms"].value = 40, 40
    assert "miss" in bench.picture.finding


def test_the_region_lab_trades_loss_for_waiting() -> None:
    bench = widgets.region_lab(copies=1, schedules=30)
    assert "are lost" in bench.picture.finding
    assert "waits up to 0.0 s" in bench.sentence
    bench.controls["copies"].value = 2
    assert "no acknowledged write is lost" in bench.picture.finding
    assert "waits up to 0.0 s" not in bench.sentence
