"""The dataflow engine beside loops written by hand: what an engine costs that can be stepped, killed and restored.

The job: map → filter → key_by → 5-minute tumbling event-time windows with 30 s of disorder → aggregate, over
200,000 events that come out of order; checkpoints are on. Yardsticks, on the same events: a plain Python loop that
calls the same functions, and one with everything written inline. Both do what any correct program has to: move the
watermark after every record, drop what is late, fire windows in order. Answers are compared before times.

    python -m benchmarks.dataflow                 the table (with BYTEWAX_PYTHON: see `benchmarks.bytewax_job`)
    python -m benchmarks dataflow_pyflink         PyFlink's embedded cluster, some minutes
    python -m benchmarks.dataflow profile         where the engine's time goes

Rounds take turns, so that whatever else the machine does falls on all; ratios are medians over the rounds.

Where the time goes, of 165 ms for 200,000 events: a good half is spent in the job's own functions (timestamp 8, weigh
20, filter 9, key 8, add and create 25, results 15). Around them: the loop of the window operator 27, watermarks 9,
selecting what the filter keeps 8, a look at types so that a key or a result that cannot be right is named 6, twenty
checkpoints 5 and the flush of the last one 5 to 10.

Where the time of checkpoints goes, with 100,000 keys: of each event whose accumulator changed some 65 ns to encode it
(18 for msgpack, 24 for a look at its type, the rest for memory that is not in the cache), 12 to note it in the loop,
and 0.2 ms for each checkpoint, on the job's thread. All of that holds Python's lock, so that another thread would
not spare it. Writing and flushing does not; but each call of the system gives the lock away, and the writer then
waits up to 5 ms for its turn, so there are few. A disk that is slower than the job makes the job wait.
"""

from __future__ import annotations

import cProfile
import gc
import json
import os
import pstats
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.dataflow_job import (
    BOUND_MS,
    EVENTS,
    SIZE_MS,
    WEIGHTS,
    CountAndSum,
    Event,
    Result,
    answer,
    events,
    is_interest,
    timestamp,
    user_of,
    weigh,
    with_user,
)
from recsys_lab.flink import (
    FlinkStreamProcessor,
    ListSink,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.java import jars

ROUNDS = 7
WHAT = "dataflow, events"
SIZE = timedelta(milliseconds=SIZE_MS)
ONE_WINDOW = timedelta(days=365)
"""Over everything, so that the state grows to all keys."""
CHECKPOINT_EVERY = 10_000
REACH_CALLING = 0.75
REACH_INLINE = 0.5
REACH_OVERHEAD = 0.05
REACH_BYTEWAX = 3.5
REACH_PYFLINK = 75

# -- three programs ----------------------------------------------------------------------------------------------


def job(source: Any, sink: Any, size: timedelta = SIZE, **settings: Any) -> FlinkStreamProcessor:
    """The job on the engine, in windows of that size. settings: of the processor."""
    processor = FlinkStreamProcessor(**{"checkpoint_interval": None, **settings})
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(milliseconds=BOUND_MS))
    (
        processor.add_source(source)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(timestamp))
        .map(weigh)
        .filter(is_interest)
        .key_by(user_of)
        .window(TumblingEventTimeWindows.of(size))
        .aggregate(CountAndSum(), with_user)
        .sink_to(sink)
    )
    return processor


def engine(
    stream: list[Event], size: timedelta = SIZE, every: int | None = CHECKPOINT_EVERY, parallelism: int = 4
) -> list[Result]:
    """Its results, with checkpoints on disk every so many records."""
    with tempfile.TemporaryDirectory() as folder:
        sink = ListSink()
        job(stream, sink, size, checkpoint_every=every, checkpoint_dir=folder, parallelism=parallelism).execute()
        return sink.values


def by_hand(stream: list[Event]) -> list[Result]:
    """A plain loop that calls the same functions."""
    aggregate = CountAndSum()
    windows: dict[int, dict[str, Any]] = {}
    results: list[Result] = []
    watermark = -(2**63)
    highest = watermark
    for event in stream:
        at = timestamp(event, 0)
        weighed = weigh(event)
        if is_interest(weighed):
            key = user_of(weighed)
            start = at - at % SIZE_MS
            if start + SIZE_MS - 1 > watermark:
                window = windows.get(start)
                if window is None:
                    window = windows[start] = {}
                held = window.get(key)
                if held is None:
                    held = aggregate.create_accumulator()
                window[key] = aggregate.add(weighed, held)
        if at > highest:
            highest = at
            watermark = highest - BOUND_MS - 1
            for start in sorted(s for s in windows if s + SIZE_MS - 1 <= watermark):
                for key, held in windows.pop(start).items():
                    results += with_user(key, _Window(start), [aggregate.get_result(held)])
    for start in sorted(windows):
        for key, held in windows[start].items():
            results += with_user(key, _Window(start), [aggregate.get_result(held)])
    return results


def inlined(stream: list[Event]) -> list[Result]:
    """A plain loop with everything written inline."""
    weights = WEIGHTS
    windows: dict[int, dict[str, tuple[int, float]]] = {}
    results: list[Result] = []
    watermark = -(2**63)
    highest = watermark
    for user, _item, kind, at in stream:
        weight = weights.get(kind, 0.3)
        if weight > 0.05:
            start = at - at % 300_000
            if start + 299_999 > watermark:
                window = windows.get(start)
                if window is None:
                    window = windows[start] = {}
                held = window.get(user)
                window[user] = (1, weight) if held is None else (held[0] + 1, held[1] + weight)
        if at > highest:
            highest = at
            watermark = at - 30_001
            for start in sorted(s for s in windows if s + 299_999 <= watermark):
                for user, (count, total) in windows.pop(start).items():
                    results.append((user, start, count, total))
    for start in sorted(windows):
        for user, (count, total) in windows[start].items():
            results.append((user, start, count, total))
    return results


class _Window:
    def __init__(self, start: int) -> None:
        self.start = start


# -- measuring ---------------------------------------------------------------------------------------------------


def rows(count: int = EVENTS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """A row for each yardstick: events per second of both, and the median of the rounds' ratios."""
    stream = events(count)
    expected = inlined(stream)
    for name, program in (("engine", engine), ("by hand", by_hand)):
        if program(stream) != expected:
            raise AssertionError(f"{name} gives another answer than the inlined loop")
    times = [(_seconds(engine, stream), _seconds(by_hand, stream), _seconds(inlined, stream)) for _ in range(rounds)]
    made = [
        _row(WHAT, "loop calling the same functions", count, times, 1, REACH_CALLING),
        _row(WHAT, "loop with everything inline", count, times, 2, REACH_INLINE),
        overhead_row(),
    ]
    if "BYTEWAX_PYTHON" in os.environ:
        command = [os.environ["BYTEWAX_PYTHON"], "-m", "benchmarks.bytewax_job", str(count), "1"]
        made.append(other_row("bytewax", command, count, 3, REACH_BYTEWAX))
    return made


def pyflink_rows(count: int = EVENTS) -> list[dict[str, Any]]:
    """PyFlink's embedded cluster on the same job, once in each of its modes; see `benchmarks.pyflink_job`."""
    return [
        other_row(
            f"PyFlink's embedded cluster, {mode} mode",
            [sys.executable, "-m", "benchmarks.pyflink_job", mode, str(count)],
            count,
            1,
            REACH_PYFLINK,
            JAVA_HOME=str(jars.java().parents[1]),
            _python_worker_execution_mode="process",  # else it shares a Python with the client, and is slower still
            PYTHONPATH=os.pathsep.join([os.getcwd(), sysconfig.get_path("purelib")]),  # Java's own Python needs it
        )
        for mode in ("process", "thread")
    ]


def other_row(
    name: str, command: list[str], count: int, rounds: int, reach: float, **environment: str
) -> dict[str, Any]:
    """Another engine on the same job, in a process of its own; no event is late, as it judges that in its own way."""
    stream = events(count, disorder_ms=BOUND_MS)
    expected = answer(engine(stream))
    times: list[tuple[float, ...]] = []
    for _ in range(rounds):
        said = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
        if said.returncode:
            raise RuntimeError(f"{name} failed: {said.stderr[-2_000:]}")
        theirs = json.loads(said.stdout.splitlines()[-1])
        if theirs["answer"] != expected:
            raise AssertionError(f"{name} gives another answer: {theirs['answer']} for {expected}")
        times.append((_seconds(engine, stream), *theirs["seconds"]))
    return _row(WHAT, name, count, times, 1, reach)


def overhead_row(count: int = 5 * EVENTS, rounds: int = 5) -> dict[str, Any]:
    """What checkpoints every 10,000 events cost with 100,000 keys of state: the share of time they add.

    There are enough events that most come when all keys are there.
    """
    stream = events(count, users=100_000)
    if engine(stream, ONE_WINDOW) != engine(stream, ONE_WINDOW, None):
        raise AssertionError("checkpoints change the answer")
    times = [(_seconds(engine, stream, ONE_WINDOW), _seconds(engine, stream, ONE_WINDOW, None)) for _ in range(rounds)]
    share = median(with_ / without for with_, without in times) - 1
    return {
        "what": "dataflow, 100,000 keys, a checkpoint every 10,000 events",
        "yardstick": "the same without checkpoints",
        "ours_per_s": round(count / median(with_ for with_, _ in times)),
        "yardstick_per_s": round(count / median(without for _, without in times)),
        "ratio": round(1 + share, 3),
        "reach": f"<= {1 + REACH_OVERHEAD} x",
        "ok": share <= REACH_OVERHEAD,
    }


def _row(
    what: str, yardstick: str, count: int, times: list[tuple[float, ...]], place: int, reach: float
) -> dict[str, Any]:
    ratio = median(round_[place] / round_[0] for round_ in times)
    return {
        "what": what,
        "yardstick": yardstick,
        "ours_per_s": round(count / median(round_[0] for round_ in times)),
        "yardstick_per_s": round(count / median(round_[place] for round_ in times)),
        "ratio": round(ratio, 2),
        "reach": f">= {reach} x",
        "ok": ratio >= reach,
    }


def _seconds(program: Callable[..., Any], *arguments: Any) -> float:
    gc.collect()
    start = perf_counter()
    program(*arguments)
    return perf_counter() - start


def profile() -> None:
    """Print where the engine's time goes."""
    stream = events()
    profiler = cProfile.Profile()
    profiler.runcall(engine, stream)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


if __name__ == "__main__":
    if sys.argv[1:] == ["profile"]:
        profile()
    else:
        print(*rows(), sep="\n")
