"""Run pipelines on a runtime, and compare."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recsys_lab.errors import ClusterError
from recsys_lab.flink import FlinkStreamProcessor, JobResult, ListSink, WatermarkStrategy
from recsys_lab.flink.cluster import check_installed
from tests.flink.apache.pipelines import PIPELINES, SOURCES, events, seconds

Results = dict[tuple[str, str], list[Any]]


def why_not() -> str | None:
    """Why Apache Flink cannot be used here, or None."""
    try:
        check_installed()
    except ClusterError as error:
        return str(error)
    return None


needs_flink = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


def run(
    runtime: Any, names: list[str] | None = None, *, folder: Path | None = None, parallelism: int = 2
) -> tuple[Results, JobResult]:
    """What all streams of these pipelines (all by default) gave, in one job. folder: for those that write files."""
    processor = FlinkStreamProcessor(parallelism=parallelism, checkpoint_interval=None)
    source = processor.add_source(events())

    def timed(bound: float) -> Any:
        strategy = WatermarkStrategy.for_bounded_out_of_orderness(seconds(bound))
        return source.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(lambda event, _: event[1]))

    stream, calm = timed(5), timed(25)
    sinks = {}
    for name in names or [*PIPELINES, *SOURCES]:
        built = PIPELINES[name](stream, calm) if name in PIPELINES else SOURCES[name](processor, folder or Path())
        for output, made in built.items():
            sinks[name, output] = ListSink()
            made.sink_to(sinks[name, output])
    result = processor.execute(runtime=runtime)
    return {place: list(sink) for place, sink in sinks.items()}, result


def difference(ours: list[Any], theirs: list[Any]) -> str:
    """Empty when they are the same multiset."""
    a, b = Counter(map(repr, ours)), Counter(map(repr, theirs))
    if a == b:
        return ""
    return f"local only: {list((a - b).elements())[:4]}, Apache Flink only: {list((b - a).elements())[:4]}"
