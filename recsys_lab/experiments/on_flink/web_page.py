"""What Flink's web page shows, read from the same REST interface that the page reads it from."""

from __future__ import annotations

import pandas as pd

from recsys_lab.flink import FlinkStreamProcessor
from recsys_lab.flink.cluster import ask


def cluster_facts(address: str) -> dict[str, int]:
    """TaskManagers, slots in all, free slots, and jobs by their state. Raises ClusterError."""
    seen = ask(address, "/overview")
    names = ("taskmanagers", "slots-total", "slots-available", "jobs-running", "jobs-finished", "jobs-failed")
    return {name: int(seen[name]) for name in names}


def jobs_on(address: str) -> pd.DataFrame:
    """The jobs that a cluster knows of, oldest first: their state and seconds, by name. Raises ClusterError."""
    jobs = sorted(ask(address, "/jobs/overview")["jobs"], key=lambda job: job["start-time"])
    rows = [(job["name"], job["state"], job["duration"] / 1000) for job in jobs]
    return pd.DataFrame(rows, columns=["job", "state", "seconds"]).set_index("job")


def web_page(address: str, processor: FlinkStreamProcessor, job_name: str) -> pd.DataFrame:
    """The tasks of the latest job of that name, as its page draws them. Raises ClusterError.

    A row for each task, those before it first; operators that need no exchange between them are one task.
    Columns: number, operators (names in this processor), parallelism, upstream (numbers of those before it), shipped
    (how records come to it: "HASH" is by key; "" for a source), records_in, records_out, state; and of the job: job,
    job_state, checkpoints (completed), restarts, slots (that it takes).
    """
    jobs = [job for job in ask(address, "/jobs/overview")["jobs"] if job["name"] == job_name]
    job_id = max(jobs, key=lambda job: job["start-time"])["jid"]
    job = ask(address, f"/jobs/{job_id}")
    counts = ask(address, f"/jobs/{job_id}/checkpoints").get("counts") or {}
    failures = ask(address, f"/jobs/{job_id}/exceptions?maxExceptions=100")["exceptionHistory"]["entries"]
    inputs = {node["id"]: node.get("inputs", []) for node in job["plan"]["nodes"]}
    names = [node.name for node in processor.operators if node.kind != "key_by"]
    tasks = [task for task in job["vertices"] if any(name in task["name"] for name in names)]
    numbers = {task["id"]: number for number, task in enumerate(tasks)}
    rows = [
        {
            "number": numbers[task["id"]],
            "operators": [name for name in names if name in task["name"]],
            "parallelism": task["parallelism"],
            "upstream": [numbers[each["id"]] for each in inputs[task["id"]]],
            "shipped": next((each["ship_strategy"] for each in inputs[task["id"]]), ""),
            "records_in": task["metrics"]["read-records"],
            "records_out": task["metrics"]["write-records"],
            "state": task["status"],
        }
        for task in tasks
    ]
    return pd.DataFrame(rows).assign(
        job=job_name,
        job_state=job["state"],
        checkpoints=counts.get("completed", 0),
        restarts=len(failures),
        slots=max(task["parallelism"] for task in tasks),
    )
