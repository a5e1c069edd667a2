"""What the commands print and write: a progress bar while something runs, a table or a file when it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from recsys_lab.errors import LabError
from recsys_lab.experiments.evaluate import compare

COLUMNS = {
    "hit_rate": ("hits", "{:.3f}"),
    "ndcg": ("NDCG", "{:.3f}"),
    "first_hit_rate": ("first of basket", "{:.3f}"),
    "coverage": ("coverage", "{:.0%}"),
    "novelty": ("novelty/bits", "{:.1f}"),
}
"""Column of the comparison → its heading, and how its figures are written."""


def evaluate(interactions: pd.DataFrame, *, k: int, every: int, console: Console | None = None) -> pd.DataFrame:
    """Compare the recommenders on the log, show a bar for each while it runs, then print the table and give it."""
    console = console or Console()
    bars = Progress(TextColumn("{task.description:<16}"), BarColumn(40), TimeElapsedColumn(), console=console)
    tasks: dict[str, TaskID] = {}

    def progress(name: str, share: float) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=1.0)
        bars.update(tasks[name], completed=share)

    with bars:
        compared = compare(interactions, k=k, every=every, progress=progress)
    table = Table(title=f"Test, then learn: {len(interactions):,} events, every {every}. asked, lists of {k}")
    table.add_column("recommender", no_wrap=True)
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right")
    for name, row in compared.iterrows():
        table.add_row(str(name), *(form.format(row[column]) for column, (_, form) in COLUMNS.items()))
    console.print(table)
    questions, first = int(compared["questions"].iloc[0]), int(compared["first_questions"].iloc[0])
    console.print(f"{questions:,} questions, {first:,} of them about the first item of a basket.")
    return compared


def save(events: pd.DataFrame, file: Path, console: Console | None = None) -> None:
    """Write events to a .parquet, .csv or .jsonl file, and say what was written.

    Raises LabError for another ending, or when the file cannot be written.
    """
    write = WRITERS.get(file.suffix)
    if write is None:
        raise LabError(f"file is {str(file)!r}; its ending says what to write, one of {', '.join(WRITERS)}.")
    try:
        write(events, file)
    except OSError as error:
        raise LabError(f"{file} cannot be written ({error}); name a file in a folder that you can write to.") from error
    users, items = events["user_id"].nunique(), events["item_id"].nunique()
    (console or Console()).print(f"{len(events):,} events of {users:,} users and {items:,} items in {file}")


WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".parquet": lambda events, file: events.to_parquet(file, index=False),
    ".csv": lambda events, file: events.to_csv(file, index=False),
    ".jsonl": lambda events, file: events.to_json(
        file, orient="records", lines=True, date_format="iso", date_unit="us"
    ),
}


def grade(folder: Path, course_notebooks: Path, *, csv: Path | None, memory_mb: int) -> pd.DataFrame:
    """Judge the submissions in a folder, print a row for each with its reason, and give the table."""
    from recsys_lab.study.teaching.grading import grade as graded
    from recsys_lab.study.teaching.submissions import collect, left_out

    console = Console()
    submissions = collect(folder, course_notebooks)
    bar = Progress(TextColumn("judging {task.completed:.0f} of {task.total:.0f}"), BarColumn(40), TimeElapsedColumn())
    with bar:
        task = bar.add_task("", total=len(submissions))
        grades = graded(submissions, memory_mb=memory_mb, look=lambda done: bar.update(task, completed=done))
    table = Table("student", "question", "state", "reason")
    for row in grades.itertuples():
        table.add_row(*(str(part) for part in (row.student, row.question, row.state, row.reason)))
    console.print(table)
    if others := left_out(folder):
        console.print(f"Nothing was taken from: {', '.join(map(str, others))}.", markup=False)
    if csv is not None:
        grades.to_csv(csv, index=False)
    return grades
