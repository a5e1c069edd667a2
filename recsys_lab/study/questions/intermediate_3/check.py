"""A day of five loads on a simulated machine: is the bound kept in each, and is it cheaper than any fixed setting?

And another day, with the loads in another order, for a batcher that has learned the day by heart.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pandas as pd

from recsys_lab.experiments.batch_queue import (
    BOUND_MS,
    DAY,
    Batch,
    Day,
    NoPlan,
    a_day,
    best_fixed,
    measure,
    settings,
    work,
)
from recsys_lab.study.report import NotYet, expect, given

SECONDS = 90.0
MAY_BE_LATE = 0.01


def check(make_batcher: Callable[[], Any]) -> str:
    """`make_batcher` makes an object with plan and done."""
    planned = given(make_batcher().plan(1, 0.0))
    if inspect.iscoroutine(planned):
        planned.close()
        raise NotYet("plan gave back a coroutine: it is called like any function.")
    praise = _compared(_in_time(make_batcher(), a_day()))
    _in_time(make_batcher(), a_day(DAY[::-1]), "on a day with the loads in another order, ")
    return praise


def _in_time(batcher: Any, day: Day, told: str = "") -> pd.DataFrame:
    """What it makes of the day; raises NotYet where it can't, or where the bound is missed."""
    batches: list[Batch] = []
    try:
        batches.extend(work(batcher, day))
    except NoPlan as wrong:
        raise NotYet(f"{told}{wrong}") from None
    except Exception as error:
        seen = f"{told}after {len(batches):,} batches it raised {type(error).__name__}: {error}"
        raise NotYet(seen) from None
    table = measure(batches, day)
    _expect_in_time(table, batches, day, told)
    return table


def _expect_in_time(table: pd.DataFrame, batches: list[Batch], day: Day, told: str) -> None:
    """Raise NotYet, telling of the first load in which more than one in a hundred was late, and of its worst batch."""
    rows: list[Any] = list(table.itertuples())
    late = [row for row in rows if row.late > MAY_BE_LATE]
    if not late:
        return
    load = late[0]
    own = [batch for batch in batches if day.load_of[batch.first] == load.Index]
    worst = max(own, key=lambda batch: batch.answered_ms - day.arrivals[batch.first])
    waited, size = worst.sent_ms - day.arrivals[worst.first], worst.last - worst.first
    more = f" The bound was missed in {len(late)} of {len(table)} loads." if len(late) > 1 else ""
    raise NotYet(
        f"{told}at {load.load} p99 was {load.p99_ms:,.0f} ms, and {BOUND_MS:.0f} are allowed. In its worst batch of "
        f"{size:,} the oldest had waited {waited:,.0f} ms when it was sent, and the machine took "
        f"{worst.service_ms:,.0f}.{more}"
    )


def _compared(table: pd.DataFrame) -> str:
    """The sentence of praise; raises NotYet when a fixed setting does as well."""
    batches = int(table["batches"].sum())
    fixed, fewest = best_fixed()
    room: Any = table.loc[table["p99_ms"].idxmin()]
    expect(
        batches < fewest,
        f"p99 keeps the bound in each load, with {batches:,} batches; but so does one fixed setting ({fixed.size} "
        f"requests, {fixed.wait_ms:.0f} ms) with {fewest:,}. At {room.load} your p99 was {room.p99_ms:.0f} ms of "
        f"{BOUND_MS:.0f}: there is room.",
    )
    return (
        f"p99 keeps the bound in each of {len(table)} loads, with {batches:,} batches; the best of {len(settings())} "
        f"fixed settings that keep it needs {fewest:,}."
    )
