"""The job graph as a table: its operators, in order, and what went through each."""

from __future__ import annotations

import pandas as pd

from recsys_lab.flink import FlinkStreamProcessor

_STATEFUL = {"process", "co_process", "rolling", "window", "interval_join", "cep"}
_ENDS = {"source", "sink"}


def job_graph(processor: FlinkStreamProcessor) -> pd.DataFrame:
    """A row for each operator of a program.

    Columns: number, name, kind, group (source or sink, one by one, dealt out by key, remembers), parallelism,
    upstream (numbers of those before it), records_in, records_out, late (0 before the job has run).
    """
    rows = []
    for node in processor.operators:
        seen = node.describe()
        kind = seen["kind"]
        group = (
            "source or sink"
            if kind in _ENDS
            else "by key"
            if kind == "key_by"
            else "remembers"
            if kind in _STATEFUL
            else "record by record"
        )
        metrics = seen["metrics"]
        counts = (metrics["records_in"], metrics["records_out"], metrics["late_records"])
        rows.append((seen["number"], seen["name"], kind, group, seen["parallelism"], seen["upstream"], *counts))
    columns = ["number", "name", "kind", "group", "parallelism", "upstream", "records_in", "records_out", "late"]
    return pd.DataFrame(rows, columns=columns)
