"""The job graph as a table: its operators, in order, and what went through each."""

from __future__ import annotations

import pandas as pd

from recsys_lab.flink import FlinkStreamProcessor

_GROUP_OF = {
    **dict.fromkeys(("source", "sink"), "source or sink"),
    "key_by": "by key",
    **dict.fromkeys(("process", "co_process", "rolling", "window", "interval_join", "cep"), "remembers"),
}
"""Kind of operator → what it is drawn as; any other works record by record."""


def job_graph(processor: FlinkStreamProcessor) -> pd.DataFrame:
    """A row for each operator of a program.

    Columns: number, name, kind, group (source or sink, record by record, by key, remembers), parallelism,
    upstream (numbers of those before it), records_in, records_out, late (0 before the job has run).
    """
    rows = []
    for node in processor.operators:
        seen = node.describe()
        kind = seen["kind"]
        group = _GROUP_OF.get(kind, "record by record")
        metrics = seen["metrics"]
        counts = (metrics["records_in"], metrics["records_out"], metrics["late_records"])
        rows.append((seen["number"], seen["name"], kind, group, seen["parallelism"], seen["upstream"], *counts))
    columns = ["number", "name", "kind", "group", "parallelism", "upstream", "records_in", "records_out", "late"]
    return pd.DataFrame(rows, columns=columns)
