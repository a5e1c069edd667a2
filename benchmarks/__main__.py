"""`make bench`: every row of the table, each a ratio measured in one run, printed and saved.

    python -m benchmarks              all of it, about half an hour on two quiet cores (`detectors` takes half of that)
    python -m benchmarks engine       one part

The results go to `benchmarks/results/`: a table for each part as CSV, all of them in `results.md`, and the scaling
plot. A figure from a machine that was busy with something else is worth nothing: measure alone.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks import (
    dataflow,
    dataflow_growth,
    detectors,
    engine,
    flink_ready,
    import_time,
    kafka_latency,
    kafka_ready,
    kafka_stream,
    recommend_latency,
    user_neighbours,
    watching,
)
from benchmarks.scaling import scaling_plot

PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "import": import_time.rows,
    "engine": engine.rows,
    "dataflow": dataflow.rows,
    "dataflow_pyflink": dataflow.pyflink_rows,
    "dataflow_growth": dataflow_growth.rows,
    "recommend": recommend_latency.rows,
    "user_neighbours": user_neighbours.rows,
    "kafka_ready": kafka_ready.rows,
    "kafka": kafka_stream.rows,
    "kafka_latency": kafka_latency.rows,
    "flink_ready": flink_ready.rows,
    "watching": watching.rows,
    "detectors": detectors.rows,
}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> None:
    """Measure the named parts, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    console = Console()
    RESULTS.mkdir(exist_ok=True)
    for name in names or PARTS:
        with console.status(f"measuring {name} …"):
            table = pd.DataFrame(PARTS[name]())
        table.to_csv(RESULTS / f"{name}.csv", index=False)
        console.print(_printed(name, table))
    (RESULTS / "results.md").write_text(_report())
    if (RESULTS / "recommend.csv").exists():
        scaling_plot(pd.read_csv(RESULTS / "recommend.csv")).savefig(RESULTS / "scaling.png", dpi=110)
    console.print(f"saved in {RESULTS.relative_to(Path.cwd())}" if RESULTS.is_relative_to(Path.cwd()) else "saved")


def _printed(name: str, table: pd.DataFrame) -> Table:
    printed = Table(title=name)
    for column in table.columns:
        printed.add_column(column, justify="left" if table[column].dtype == object else "right")
    for row in table.itertuples(index=False):
        printed.add_row(*(_cell(value) for value in row))
    return printed


def _report() -> str:
    """All saved tables as Markdown."""
    parts = [f"# Benchmarks\n\nPython {platform.python_version()}, {platform.machine()}; made by `make bench`.\n"]
    for name in PARTS:
        file = RESULTS / f"{name}.csv"
        if file.exists():
            table = pd.read_csv(file)
            lines = [table.columns.tolist(), ["---"] * table.shape[1], *table.itertuples(index=False)]
            rows = ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]
            parts.append(f"## {name}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _cell(value: object) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])
