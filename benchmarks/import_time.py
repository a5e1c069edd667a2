"""`import recsys_lab` against `import numpy`: what a learner waits for at the first cell.

The package itself imports nothing, so the engine, which imports most of the core, is measured beside it.
Each is imported by fresh interpreters, in turns, so that whatever else the machine does falls on all alike;
an interpreter that imports nothing is measured too and taken off. The aim is at most 2 ×.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

RUNS = 15
REACH = 2.0
NOTHING, YARDSTICK = "pass", "import numpy"
OURS = ("import recsys_lab", "import recsys_lab.engine")


def rows(runs: int = RUNS) -> list[dict[str, Any]]:
    """A row for each import of ours: medians in milliseconds, their ratio, and whether it is within reach."""
    seconds: dict[str, list[float]] = {statement: [] for statement in (NOTHING, YARDSTICK, *OURS)}
    for _ in range(runs):
        for statement, times in seconds.items():
            times.append(_seconds(statement))
    nothing = statistics.median(seconds[NOTHING])
    cost = {statement: max(0.0, statistics.median(times) - nothing) for statement, times in seconds.items()}
    return [
        {
            "what": statement,
            "yardstick": YARDSTICK,
            "ours_ms": round(1000 * cost[statement], 1),
            "yardstick_ms": round(1000 * cost[YARDSTICK], 1),
            "ratio": round(cost[statement] / cost[YARDSTICK], 3),
            "reach": f"<= {REACH} x",
            "ok": cost[statement] <= REACH * cost[YARDSTICK],
        }
        for statement in OURS
    ]


def _seconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    print(*rows(), sep="\n")
