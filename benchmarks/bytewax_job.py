"""The same job on bytewax, for `benchmarks.dataflow`: run by a Python that has bytewax; the lab's own needs it not.

    pip install bytewax          in an environment of its own
    BYTEWAX_PYTHON=path/to/its/python python -m benchmarks.dataflow

Prints the seconds of each round and the answer, as JSON. bytewax's event clock takes no system
time into account here (`to_system_utc` gives None), so that only the events move the watermark, as in the job. It
calls an element late that is behind the watermark, though its window is still open; so no event is late here.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from time import perf_counter
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

from benchmarks.dataflow_job import BOUND_MS, SIZE_MS, CountAndSum, Event, answer, events, is_interest, user_of, weigh

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def job(stream: list[tuple[Event, datetime]], out: list[Any]) -> Dataflow:
    aggregate = CountAndSum()
    flow = Dataflow("benchmark")
    read = op.input("read", flow, TestingSource(stream, batch_size=1_024))
    weighed = op.map("weigh", read, lambda event: (weigh(event[0]), event[1]))
    kept = op.filter("filter", weighed, lambda pair: is_interest(pair[0]))
    keyed = op.key_on("key", kept, lambda pair: user_of(pair[0]))
    clock = win.EventClock(
        ts_getter=lambda pair: pair[1],
        wait_for_system_duration=timedelta(milliseconds=BOUND_MS),
        to_system_utc=lambda at: None,
    )
    windows = win.TumblingWindower(length=timedelta(milliseconds=SIZE_MS), align_to=EPOCH)
    folded = win.fold_window(
        "window",
        keyed,
        clock,
        windows,
        aggregate.create_accumulator,
        lambda held, pair: aggregate.add(pair[0], held),
        aggregate.merge,
    )
    op.output("out", folded.down, TestingSink(out))
    return flow


def main(count: int, rounds: int) -> None:
    stream = [(event, EPOCH + timedelta(milliseconds=event[3])) for event in events(count, disorder_ms=BOUND_MS)]
    seconds = []
    out: list[Any] = []
    for _ in range(rounds):
        out = []
        start = perf_counter()
        run_main(job(stream, out))
        seconds.append(perf_counter() - start)
    results = [(user, window * SIZE_MS, *held) for user, (window, held) in out]
    print(json.dumps({"seconds": seconds, "answer": answer(results)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
