"""The jobs of a small shop's morning on the local runtime and on a cluster: the same results? And what did it cost?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from time import perf_counter
from typing import Any

import pandas as pd

from recsys_lab.errors import JobError, shorten
from recsys_lab.experiments.on_flink.joins import views_with_purchases
from recsys_lab.experiments.on_flink.morning import a_morning, timed, told, user_of
from recsys_lab.experiments.on_flink.stepping import JOBS
from recsys_lab.flink import ApacheFlink, DataStream, FlinkStreamProcessor

WAIT = timedelta(minutes=1)


def _of_stepper(job: str) -> Callable[[FlinkStreamProcessor], DataStream]:
    return lambda processor: JOBS[job](timed(processor, a_morning(), WAIT).key_by(user_of))


PIPELINES: dict[str, Callable[[FlinkStreamProcessor], DataStream]] = {
    **{job: _of_stepper(job) for job in JOBS},
    "join": lambda processor: views_with_purchases(processor, wait=timedelta(minutes=10), minutes=10),
}
"""Those of `experiments.steps`, and the join of `experiments.joined`."""


def both_runtimes(address: str, job: str = "windows", parallelism: int = 2, every_record: bool = True) -> pd.DataFrame:
    """Results of a job on both runtimes, and the time that each took.

    address: of a cluster. job: of PIPELINES. every_record: move watermarks there with every record, as the local
    runtime does; else every 200 ms, as Apache Flink does by itself. What was seen before is not run again.
    Columns: runtime ("local", "Apache Flink"), result (as text), copies (by this runtime), other (by the other one),
    order (in which it came), late (records of the run), seconds (of the run).
    """
    if job not in PIPELINES:
        raise JobError(f"job is {shorten(job)}; one of {', '.join(PIPELINES)} is needed.")
    here = _run(job, parallelism, None, True)
    there = _run(job, parallelism, address, every_record)
    rows = []
    for name, (results, late, seconds), (others, *_) in (("local", here, there), ("Apache Flink", there, here)):
        copies, other = Counter(results), Counter(others)
        for order, result in enumerate(dict.fromkeys(results), start=1):
            rows.append((name, result, copies[result], other[result], order, late, seconds))
    columns = ["runtime", "result", "copies", "other", "order", "late", "seconds"]
    return pd.DataFrame(rows, columns=columns).assign(job=job, parallelism=parallelism, every_record=every_record)


@cache
def _run(job: str, parallelism: int, address: str | None, every_record: bool) -> tuple[list[str], int, float]:
    """Results in the order in which they came, late records, seconds."""
    processor = FlinkStreamProcessor(parallelism, checkpoint_interval=None)
    results: list[Any] = []
    PIPELINES[job](processor).sink(results.append)
    runtime: Any = "local" if address is None else ApacheFlink(address, every_record=every_record)
    began = perf_counter()
    counted = processor.execute(f"{job}, parallelism {parallelism}", runtime=runtime)
    return [_text(job, result) for result in results], counted.late_records, perf_counter() - began


def _text(job: str, result: tuple[Any, ...]) -> str:
    """A result as people read it."""
    if job == "join":
        user, item, viewed, bought = result
        return f"{user} {item}: viewed {told(viewed)}, bought {told(bought)}"
    if job == "nudges":
        return f"{result[0]}: nudged for {told(result[1])}"
    user, start, end, count = result
    return f"{user} {told(start)}–{told(end)}: {count}"
