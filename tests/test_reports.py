"""What the commands print says what was computed, and what they write can be read back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from recsys_lab import datasets, reports
from recsys_lab.errors import LabError
from recsys_lab.experiments import simulate

READERS = {
    ".parquet": pd.read_parquet,
    ".csv": lambda file: pd.read_csv(file, parse_dates=["timestamp"]),
    ".jsonl": lambda file: pd.read_json(file, lines=True, dtype={"session_id": str}),
}


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return simulate(20, 50, 2, seed=0).events


@pytest.mark.parametrize("ending", READERS)
def test_a_simulation_that_was_saved_reads_back_as_it_was(events: pd.DataFrame, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"events{ending}"
    reports.save(events, file, Console(quiet=True))
    read = READERS[ending](file)
    for column in events.columns:
        assert read[column].tolist() == events[column].tolist()


@pytest.mark.parametrize("name", ["events", "events.pickle", "no/such/folder/events.csv"])
def test_a_file_that_cannot_be_written_is_a_sentence(events: pd.DataFrame, name: str, tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"events"):
        reports.save(events, tmp_path / name, Console(quiet=True))


def test_the_comparison_prints_the_figures_it_returns() -> None:
    console = Console(record=True, width=120)
    purchases = datasets.cut(datasets.load("online-retail"), users=20)
    compared = reports.evaluate(purchases, k=10, every=20, console=console)
    shown = console.export_text()
    for name, row in compared.iterrows():
        line = next(line for line in shown.splitlines() if str(name) in line and "│" in line)
        assert f"{row['hit_rate']:.3f}" in line
        assert f"{row['ndcg']:.3f}" in line
