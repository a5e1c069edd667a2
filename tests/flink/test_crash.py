"""Crash anywhere, restore, run on: the same state and the same sink contents as without the crash."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import CheckpointError, JobError
from recsys_lab.flink import (
    EventTimeSessionWindows,
    FileSink,
    FlinkStreamProcessor,
    KeyedProcessFunction,
    ListSink,
    ListStateDescriptor,
    MapStateDescriptor,
    OutputTag,
    RestartStrategies,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
)
from recsys_lab.flink.cep import CEP, AfterMatchSkipStrategy, Pattern
from tests.flink.jobs import Event, key_of, strategy, timed

CHECKOUT = Path(__file__).resolve().parents[2]
LATE = OutputTag("late")


class Crash(Exception):
    """Injected."""


class Fuse:
    """Burns after so many calls, once."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, value: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise Crash(f"at {value}")
        return value


class Fuses:
    """Several."""

    def __init__(self, calls: list[int]) -> None:
        self.fuses = [Fuse(n) for n in calls]

    def __call__(self, value: Any) -> Any:
        for fuse in self.fuses:
            fuse(value)
        return value


class Memory(KeyedProcessFunction):
    """Uses every kind of state, and timers: what it knows of its key, told on each element and timer."""

    def open(self, runtime_context: Any) -> None:
        self.count = runtime_context.get_state(ValueStateDescriptor("count", int))
        self.recent = runtime_context.get_list_state(ListStateDescriptor("recent"))
        self.by_value = runtime_context.get_map_state(MapStateDescriptor("by value"))

    def process_element(self, value: Event, ctx: Any) -> Any:
        self.count.update((self.count.value() or 0) + 1)
        self.recent.update([*self.recent.get(), value[2]][-3:])
        self.by_value.put(value[2] % 4, (value[1], self.count.value()))
        if value[2] % 5 == 0:
            self.by_value.remove(value[2] % 3)
        ctx.timer_service().register_event_time_timer(value[1] + 7)
        if value[2] % 6 == 0:
            ctx.timer_service().delete_event_time_timer(value[1] + 6)
        yield (value[0], self.count.value(), tuple(self.recent), tuple(self.by_value.items()))

    def on_timer(self, timestamp: int, ctx: Any) -> Any:
        if self.count.value() is not None and self.count.value() > 9:
            self.count.clear()
        yield (ctx.get_current_key(), "timer", timestamp, tuple(self.recent))


def a_stream(seed: int, length: int = 120) -> list[Event]:
    chance = random.Random(seed)
    return [(chance.choice("abcdef"), i * 2 + chance.randrange(-20, 20), i) for i in range(length)]


def build(processor: FlinkStreamProcessor, seed: int, fuse: Any) -> Any:
    """Two sources, a union, every kind of window, state and timers, a join, a pattern."""
    left = timed(processor, a_stream(seed), 10)
    right = timed(processor, a_stream(seed + 1, 90), 15)
    both = left.union(right).map(fuse).key_by(key_of)
    tumbling = both.window(TumblingEventTimeWindows.of(20)).allowed_lateness(10).side_output_late_data(LATE)
    counts = tumbling.apply(lambda key, window, elements: [("T", key, window.start, [e[2] for e in elements])])
    late = counts.get_side_output(LATE).map(lambda event: ("L", *event))
    sliding = both.window(SlidingEventTimeWindows.of(30, 10)).reduce(lambda a, b: (a[0], 0, a[2] + b[2]))
    sessions = both.window(EventTimeSessionWindows.with_gap(9)).apply(
        lambda key, window, elements: [("S", key, *window, [e[2] for e in elements])]
    )
    memory = both.process(Memory())
    rolling = both.reduce(lambda a, b: (a[0], b[1], a[2] + b[2]))
    joined = (
        left.key_by(key_of).interval_join(right.key_by(key_of)).between(-5, 5).process(lambda a, b, ctx: [("J", a, b)])
    )
    rising = (
        Pattern.begin("low", AfterMatchSkipStrategy.skip_to_next()).where(lambda e: e[2] % 3 == 0).followed_by("high")
    )
    rising = rising.where(lambda e, so_far: e[2] > so_far["low"][0][2] + 5).one_or_more().within(40)
    matches = CEP.pattern(both, rising).select(lambda match: ("C", match["low"], match["high"]))
    return counts.union(late, sliding, sessions, memory, rolling, joined, matches)


def undisturbed(seed: int) -> list[Any]:
    return build(FlinkStreamProcessor(checkpoint_interval=None), seed, lambda value: value).execute_and_collect()


def test_a_job_restarted_after_any_number_of_crashes_gives_the_same() -> None:
    for seed in range(12):
        chance = random.Random(seed)
        expected = undisturbed(seed)
        fail_often = Fuses([chance.randrange(1, 230) for _ in range(3)])

        processor = FlinkStreamProcessor(
            parallelism=chance.randrange(1, 9),
            batch_size=chance.choice([1, 3, 16, 1_024]),
            checkpoint_every=chance.choice([1, 7, 50]),
            restart_strategy=RestartStrategies.fixed_delay_restart(10, 1_000),
            clock=SimulatedClock(),
        )
        sink = ListSink()
        build(processor, seed, fail_often).sink_to(sink)
        result = processor.execute()
        assert sink.values == expected, f"seed {seed}"
        assert result.records_in == 210
        assert result.restarts >= 1


@pytest.mark.parametrize("seed", range(8))
def test_a_job_built_anew_and_restored_from_the_latest_checkpoint_gives_the_same(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    expected = undisturbed(seed)
    sink = ListSink()
    crashes = sorted(chance.sample(range(1, 210), 3))
    for attempt in range(len(crashes) + 1):
        fuse = Fuse(crashes[attempt]) if attempt < len(crashes) else Fuse(10**9)
        processor = FlinkStreamProcessor(
            parallelism=chance.randrange(1, 9),
            batch_size=chance.choice([1, 5, 64]),
            checkpoint_every=chance.choice([5, 11, 30]),
            checkpoint_dir=tmp_path,
        )
        build(processor, seed, fuse).sink_to(sink)
        with suppress(JobError):
            processor.execute(restore_from="latest")
    assert sink.values == expected


@pytest.mark.parametrize("seed", range(4))
def test_a_file_sink_shows_each_record_exactly_once(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    plain = FlinkStreamProcessor()
    build(plain, seed, lambda value: value).sink_to(FileSink(tmp_path / "expected"))
    plain.execute()
    for crash in (*chance.sample(range(1, 200), 3), 10**9):
        processor = FlinkStreamProcessor(checkpoint_every=chance.choice([4, 9, 40]), checkpoint_dir=tmp_path / "chk")
        build(processor, seed, Fuse(crash)).sink_to(FileSink(tmp_path / "out"))
        try:
            processor.execute(restore_from="latest")
        except JobError:
            assert [p.name for p in (tmp_path / "out").glob("*") if not p.name.startswith((".", "part-"))] == []
    assert FileSink(tmp_path / "out").lines() == FileSink(tmp_path / "expected").lines()
    assert list((tmp_path / "out").glob(".*")) == []


def test_a_plain_function_sees_records_again_after_a_crash_a_transactional_sink_does_not() -> None:
    stream = [("a", i, i) for i in range(20)]
    seen: list[Any] = []
    sink = ListSink()
    processor = FlinkStreamProcessor(
        checkpoint_every=5, batch_size=1, restart_strategy=RestartStrategies.fixed_delay_restart(1, 0)
    )
    results = timed(processor, stream).map(Fuse(13))
    results.sink(seen.append)
    results.sink_to(sink)
    result = processor.execute()
    assert Counter(event[2] for event in seen) == {**dict.fromkeys(range(20), 1), 10: 2, 11: 2}
    assert sink.values == stream
    assert (result.records_in, result.records_out, result.restarts) == (20, 40, 1)


def test_a_crash_between_the_checkpoint_and_the_commit_is_made_good(tmp_path: Path) -> None:
    class DiesCommitting(FileSink):
        def commit(self, prepared: Any) -> None:
            if prepared["part"] == 1:
                raise Crash("in commit")
            super().commit(prepared)

    stream = [("a", i, i) for i in range(20)]
    processor = FlinkStreamProcessor(checkpoint_every=5, checkpoint_dir=tmp_path / "chk")
    timed(processor, stream).sink_to(DiesCommitting(tmp_path / "out"))
    with pytest.raises(JobError, match="in commit"):
        processor.execute()
    again = FlinkStreamProcessor(checkpoint_every=5, checkpoint_dir=tmp_path / "chk")
    timed(again, stream).sink_to(FileSink(tmp_path / "out"))
    again.execute(restore_from="latest")
    assert [json.loads(line)[2] for line in FileSink(tmp_path / "out").lines()] == list(range(20))


def test_a_restart_without_any_checkpoint_begins_at_the_beginning() -> None:
    processor = FlinkStreamProcessor(
        checkpoint_interval=None, restart_strategy=RestartStrategies.fixed_delay_restart(1, 0)
    )
    assert timed(processor, [("a", 1, 1), ("a", 2, 2)]).map(Fuse(2)).execute_and_collect() == [("a", 1, 1), ("a", 2, 2)]


def test_a_strategy_gives_up_after_its_attempts_and_waits_on_the_jobs_clock() -> None:
    clock = SimulatedClock()
    began = clock.now()
    processor = FlinkStreamProcessor(
        restart_strategy=RestartStrategies.exponential_delay_restart(1_000, 3_000, 2.0, restart_attempts=4), clock=clock
    )

    def broken(value: Any) -> Any:
        raise Crash("always")

    timed(processor, [("a", 1, 1)]).map(broken).sink(print)
    with pytest.raises(JobError, match="Crash: always"):
        processor.execute()
    assert (clock.now() - began).total_seconds() == 1 + 2 + 3 + 3


def test_an_iterator_cannot_be_read_twice_and_says_so() -> None:
    processor = FlinkStreamProcessor(restart_strategy=RestartStrategies.fixed_delay_restart(1, 0))
    timed(processor, iter([("a", 1, 1), ("a", 2, 2)])).map(Fuse(2)).sink(print)
    with pytest.raises(JobError, match="cannot be read twice"):
        processor.execute()


def test_a_function_that_gives_an_iterable_is_called_again() -> None:
    processor = FlinkStreamProcessor(
        checkpoint_every=1, batch_size=1, restart_strategy=RestartStrategies.fixed_delay_restart(1, 0)
    )
    stream = [("a", i, i) for i in range(6)]
    assert timed(processor, lambda: iter(stream)).map(Fuse(4)).execute_and_collect() == stream


JOB = """
import sys, time
from tests.flink.test_crash import a_long_job
a_long_job(sys.argv[1], pause=0.0004).execute("long", restore_from="latest")
"""


def a_long_job(folder: str, pause: float) -> FlinkStreamProcessor:
    processor = FlinkStreamProcessor(checkpoint_every=100, checkpoint_dir=Path(folder) / "chk", batch_size=20)

    def slowly(event: Event) -> Event:
        time.sleep(pause)
        return event

    stream = [(f"k{i % 7}", i * 10 + (i * 7919) % 60, i) for i in range(2_000)]
    (
        processor.add_source(stream)
        .assign_timestamps_and_watermarks(strategy(50))
        .map(slowly)
        .key_by(key_of)
        .window(TumblingEventTimeWindows.of(1_000))
        .apply(lambda key, window, elements: [{"key": key, "start": window.start, "sum": sum(e[2] for e in elements)}])
        .sink_to(FileSink(Path(folder) / "out"))
    )
    return processor


@pytest.mark.integration
@pytest.mark.parametrize("seed", [1, 2])
def test_kill_minus_9_at_any_moment_loses_and_doubles_nothing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    a_long_job(str(tmp_path / "expected"), pause=0).execute("long")
    expected = FileSink(tmp_path / "expected" / "out").lines()
    folder = tmp_path / "crashed"
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    killed = 0
    for attempt in range(20):
        job = subprocess.Popen([sys.executable, "-c", JOB, str(folder)], cwd=CHECKOUT, env=environment)
        if attempt < 3:
            deadline = time.monotonic() + 20
            parts = len(list(folder.glob("out/part-*")))
            while time.monotonic() < deadline and job.poll() is None:
                if len(list(folder.glob("out/part-*"))) > parts:  # it has got somewhere
                    break
                time.sleep(0.005)
            time.sleep(chance.random() * 0.1)
            job.send_signal(signal.SIGKILL)
            killed += job.wait() == -signal.SIGKILL
        elif job.wait() == 0:
            break
    assert killed >= 2
    assert FileSink(folder / "out").lines() == expected


def test_a_checkpoint_that_cannot_be_written_ends_the_job_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    processor = FlinkStreamProcessor(checkpoint_every=1, checkpoint_dir=tmp_path / "file" / "chk")
    timed(processor, [("a", 1, 1)]).sink(print)
    with pytest.raises(CheckpointError, match="cannot be written"):
        processor.execute()
