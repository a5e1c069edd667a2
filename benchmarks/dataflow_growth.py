"""How the dataflow engine grows: with keys, with parallelism, with the size of its state, and with time.

The job of `benchmarks.dataflow`, with checkpoints on disk every 10,000 records.

    python -m benchmarks dataflow_growth              the table
    python -m benchmarks.dataflow_growth 10000000     memory only: megabytes resident after each tenth of so many events

Parallelism divides keys, it doesn't spread work: all subtasks of the local runtime live in one thread, so speed should
be the same at each. More keys mean less that is in the processor's cache. A checkpoint writes what changed, so that it
should not grow with the state; a whole one, which comes when ten times as much has changed, does. Memory should not
grow at all: windows go when they have fired, logs when they are written. It is measured in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median
from typing import Any

import psutil

from benchmarks.dataflow import CHECKPOINT_EVERY, ONE_WINDOW, SIZE, _seconds, engine, job
from benchmarks.dataflow_job import EVENTS, Event, events
from recsys_lab.flink import ListSink

KEYS = (1_000, 10_000, 100_000)
PARALLELISMS = (1, 2, 4, 8)
STATES = (1_000, 10_000, 100_000, 400_000)
LONG = 10_000_000
ROUNDS = 3
REACH_MEMORY = 1.1


def rows(count: int = EVENTS, rounds: int = ROUNDS, long: int = LONG) -> list[dict[str, Any]]:
    """Each is compared with the first of its kind; ratios are medians over rounds that take turns."""
    return [
        *_compared("keys", {n: (events(count, users=n), SIZE, CHECKPOINT_EVERY, 4) for n in KEYS}, rounds),
        *_compared("subtasks", {n: (events(count), SIZE, CHECKPOINT_EVERY, n) for n in PARALLELISMS}, rounds),
        *(state_row(size, rounds) for size in STATES),
        memory_row(long),
    ]


def _compared(what: str, programs: dict[int, tuple[Any, ...]], rounds: int) -> list[dict[str, Any]]:
    first = next(iter(programs))
    times: dict[int, list[float]] = {number: [] for number in programs}
    for _ in range(rounds):
        for number, arguments in programs.items():
            times[number].append(_seconds(engine, *arguments))
    return [
        {
            "what": f"dataflow, {number:,} {what}",
            "yardstick": f"the same with {first:,}",
            "ours_per_s": round(len(arguments[0]) / median(times[number])),
            "yardstick_per_s": round(len(arguments[0]) / median(times[first])),
            "ratio": round(median(a / b for a, b in zip(times[first], times[number], strict=True)), 2),
        }
        for number, arguments in programs.items()
    ]


def state_row(keys: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """A state of so many keys, all of which are there before the events that are measured come."""
    count = EVENTS
    start = [(f"user{number}", "item0", "view", 1_767_225_600_000) for number in range(keys)]
    stream = start + events(count, users=keys)
    times = []
    for _ in range(rounds):
        with_, without = (_seconds(engine, stream, ONE_WINDOW, every) for every in (CHECKPOINT_EVERY, None))
        before = [_seconds(engine, start, ONE_WINDOW, every) for every in (CHECKPOINT_EVERY, None)]
        times.append((with_ - before[0], without - before[1]))
    return {
        "what": f"dataflow, state of {keys:,} keys, a checkpoint every {CHECKPOINT_EVERY:,} events",
        "yardstick": "the same without checkpoints",
        "ours_per_s": round(count / median(with_ for with_, _ in times)),
        "yardstick_per_s": round(count / median(without for _, without in times)),
        "ratio": round(median(with_ / without for with_, without in times), 2),
    }


def memory_row(count: int = LONG) -> dict[str, Any]:
    """Megabytes at the end beside megabytes after the first tenth."""
    command = [sys.executable, "-m", "benchmarks.dataflow_growth", str(count)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sizes = json.loads(said)
    ratio = sizes[-1] / sizes[0]
    return {
        "what": f"dataflow, MB resident after {count:,} events",
        "yardstick": f"after {count // 10:,}",
        "ours_per_s": sizes[-1],
        "yardstick_per_s": sizes[0],
        "ratio": round(ratio, 2),
        "reach": f"<= {REACH_MEMORY} x",
        "ok": ratio <= REACH_MEMORY,
    }


class Dropping(ListSink):
    """What has arrived is no longer the engine's."""

    def commit(self, prepared: Any) -> None:
        super().commit(prepared)
        self.values.clear()


def memory(count: int) -> list[float]:
    """Megabytes resident after each tenth of a run over so many events, of which at most 10,000 are held at once."""
    process = psutil.Process()
    sizes: list[float] = []

    def stream() -> Iterator[Event]:
        block = events(10_000, users=1_000)
        for number in range(count):
            user, item, kind, at = block[number % 10_000]
            yield user, item, kind, at + number // 10_000 * 500_000
            if number % (count // 10) == count // 10 - 1:
                sizes.append(round(process.memory_info().rss / 1e6, 1))

    with tempfile.TemporaryDirectory() as folder:
        result = job(stream, Dropping(), checkpoint_every=CHECKPOINT_EVERY, checkpoint_dir=folder).execute()
    assert result.records_in == count
    return sizes


if __name__ == "__main__":
    print(json.dumps(memory(int(sys.argv[1]))))
