"""Crashes by the hundred: what each guarantee loses, doubles and gets wrong, counted result by result.

A seed is a schedule: how many crashes, at which records, at which step of the pipeline. Every guarantee goes through
the same schedules.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from recsys_lab.experiments.under_faults.pipeline import (
    GUARANTEES,
    POINTS,
    Crash,
    Result,
    a_log,
    run_pipeline,
    true_results,
)

RECORDS = 120
EVERY = 20
BATCH = 5
CHECKPOINT_SECONDS = 1.0
MOST_CRASHES = 5


class Counted(NamedTuple):
    """Results held against the truth. lost: missing. doubled: one too many. wrong: with a count that is not true."""

    lost: int
    doubled: int
    wrong: int


def schedule(seed: int, *, records: int = RECORDS, most: int = MOST_CRASHES) -> list[Crash]:
    """One to `most` crashes, drawn from the seed: each at a record and a point."""
    chance = random.Random(seed)
    return [Crash(chance.choice(POINTS), chance.randrange(records)) for _ in range(chance.randint(1, most))]


def counted(results: Iterable[Result], truth: Sequence[Result]) -> Counted:
    """How the results differ from the truth."""
    results = list(results)
    copies = Counter(result.number for result in results)
    right = {result.number: result.visits for result in truth}
    return Counted(
        lost=sum(copies[number] == 0 for number in right),
        doubled=sum(max(0, copies[number] - 1) for number in right),
        wrong=sum(result.visits != right[result.number] for result in results),
    )


def crash_runs(
    seeds: Iterable[int] = range(200),
    *,
    guarantees: Sequence[str] = GUARANTEES,
    records: int = RECORDS,
    every: int = EVERY,
    batch: int = BATCH,
) -> pd.DataFrame:
    """A run for each guarantee and seed, in that order.

    records: in the log. every: records between two checkpoints. batch: records polled at once.
    Columns: guarantee, seed, crashes (that came), lost, doubled, wrong (see `Counted`), again (records worked on more
    than once), seconds (of the simulated clock).
    """
    log = a_log(records)
    truth = true_results(log)
    rows = []
    for guarantee in guarantees:
        for seed in seeds:
            ran = run_pipeline(
                log, guarantee, schedule(seed, records=records), every=every, batch=batch,
                checkpoint_seconds=CHECKPOINT_SECONDS,
            )  # fmt: skip
            again = sum(times > 1 for times in ran.worked.values())
            rows.append((guarantee, seed, ran.crashes, *counted(ran.results, truth), again, ran.seconds))
    columns = ["guarantee", "seed", "crashes", "lost", "doubled", "wrong", "again", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def crash_run(guarantee: str = "exactly-once", seed: int = 1, every: int = EVERY) -> pd.DataFrame:
    """One run, moment by moment, and what the sink shows in the end.

    A row for each record worked on, each checkpoint and each crash, in order of time; then one for each record: shown.
    Columns: what (worked, checkpoint, crash, shown), second, life, record, point (of a crash; else ""), copies and
    wrong (of what is shown: how often, and how many of these with a count that is not true; else 0). The same in each
    row: guarantee, seed, every, seconds (of the run), undisturbed (seconds without a crash).
    """
    log = a_log(RECORDS)
    ran = run_pipeline(log, guarantee, schedule(seed), every=every, batch=BATCH, checkpoint_seconds=CHECKPOINT_SECONDS)
    calm = run_pipeline(log, guarantee, every=every, batch=BATCH, checkpoint_seconds=CHECKPOINT_SECONDS)
    rows: list[tuple[str, float, int, int, str, int, int]] = []
    for second, life, what, record in ran.moments:
        crashed = what in POINTS
        rows.append(("crash" if crashed else what, second, life, record, what if crashed else "", 0, 0))
    copies = Counter(result.number for result in ran.results)
    right = {result.number: result.visits for result in true_results(log)}
    wrong = Counter(result.number for result in ran.results if result.visits != right[result.number])
    rows += [("shown", ran.seconds, 0, number, "", copies[number], wrong[number]) for number in right]
    table = pd.DataFrame(rows, columns=["what", "second", "life", "record", "point", "copies", "wrong"])
    return table.assign(guarantee=guarantee, seed=seed, every=every, seconds=ran.seconds, undisturbed=calm.seconds)


def bad_moments() -> pd.DataFrame:
    """The crashes of notebook 03, in the engine: twenty events in batches of five, one crash in the second batch.

    A row for each of three guarantees and each of the five points that a consumer of Kafka has too.
    Columns: guarantee, crash, lost, doubled, again (records worked on twice).
    """
    log = a_log(20)
    truth = true_results(log)
    rows = []
    for guarantee in ("at-most-once", "at-least-once", "exactly-once"):
        for point in ("polled", "record", "processed", "sent", "committed"):
            ran = run_pipeline(log, guarantee, [Crash(point, BATCH + 2)], every=BATCH, batch=BATCH)
            found = counted(ran.results, truth)
            again = sum(times > 1 for times in ran.worked.values())
            rows.append((guarantee, point, found.lost, found.doubled, again))
    return pd.DataFrame(rows, columns=["guarantee", "crash", "lost", "doubled", "again"])
