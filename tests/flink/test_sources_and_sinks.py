"""Sources and their offsets, sinks and what they show; watermarks per split, idle ones left out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from recsys_lab.clock import SimulatedClock, SystemClock
from recsys_lab.errors import JobError
from recsys_lab.flink import (
    FileSink,
    FileSource,
    FlinkStreamProcessor,
    ListSink,
    ListSource,
    OutputTag,
    Records,
    RestartStrategies,
    StreamSource,
    TumblingEventTimeWindows,
    WatermarkStrategy,
)
from recsys_lab.streams import EventStream
from tests.builders import a_click
from tests.flink.jobs import Event, key_of, run, strategy, timed, value_of

LATE = OutputTag("late")


class Topic:
    """A source of several splits, as a topic has partitions. live: it never ends; rows come as the test says."""

    def __init__(self, partitions: dict[str, list[Event]], live: bool = False) -> None:
        self.name = "topic"
        self.partitions = partitions
        self.live = live

    def splits(self) -> list[str]:
        return sorted(self.partitions)

    def open(self, split: str, offset: Any) -> _Partition:
        return _Partition(self, split, offset or 0)


class _Partition:
    def __init__(self, topic: Topic, split: str, offset: int) -> None:
        self._topic = topic
        self._split = split
        self.offset = offset

    def read(self, most: int) -> Records:
        held = self._topic.partitions[self._split]
        values = held[self.offset : self.offset + most]
        self.offset += len(values)
        return Records(values, ended=not self._topic.live and self.offset == len(held))

    def close(self) -> None:
        pass


def windows_of(stream: Any) -> Any:
    return (
        stream.key_by(key_of)
        .window(TumblingEventTimeWindows.of(10))
        .side_output_late_data(LATE)
        .apply(lambda key, window, elements: [(key, window.start, [value_of(e) for e in elements])])
    )


@pytest.mark.parametrize("batch_size", [1, 2, 5, 1_024])
def test_a_slow_partition_makes_nobody_late(batch_size: int) -> None:
    fast = [("a", 10 * i, i) for i in range(10)]
    slow = [("b", i, i) for i in range(10)]
    processor = FlinkStreamProcessor(batch_size=batch_size)
    results = windows_of(
        processor.add_source(Topic({"0": fast, "1": slow})).assign_timestamps_and_watermarks(strategy(0))
    )
    sink, late = ListSink(), ListSink()
    results.sink_to(sink)
    results.get_side_output(LATE).sink_to(late)
    processor.execute()
    assert ("b", 0, list(range(10))) in sink.values
    assert late.values == []


def test_several_partitions_give_the_same_for_every_batch_size_and_stepped() -> None:
    partitions = {str(p): [(f"k{p}", (i * 7 + p * 3) % 50, i) for i in range(5 + 3 * p)] for p in range(3)}

    def job(p: FlinkStreamProcessor) -> Any:
        topic = p.add_source(Topic(partitions)).assign_timestamps_and_watermarks(strategy(5))
        return windows_of(topic.union(timed(p, [("x", i, i) for i in range(30)], 3)))

    expected = run(job)
    for batch_size in (1, 2, 3, 4, 7, 50):
        assert run(job, batch_size=batch_size) == expected
        assert run(job, batch_size=batch_size, checkpoint_every=2) == expected


def test_an_idle_partition_does_not_hold_back_the_others() -> None:
    clock = SimulatedClock()
    partitions: dict[str, list[Event]] = {"0": [("a", 5, 1)], "1": [("b", 3, 1)]}
    processor = FlinkStreamProcessor(clock=clock)
    idle_after = strategy(0).with_idleness(timedelta(seconds=10))
    sink = ListSink()
    results = windows_of(
        processor.add_source(Topic(partitions, live=True)).assign_timestamps_and_watermarks(idle_after)
    )
    results.sink_to(sink)
    with processor.step_through() as stepper:
        stepper.step(), stepper.step()
        partitions["0"].append(("a", 25, 2))
        step = stepper.step()
        assert step is not None
        assert step.fired == []  # partition 1 is at 3, and might still send a 4
        clock.advance(timedelta(seconds=11))
        partitions["0"].append(("a", 26, 3))
        step = stepper.step()
        assert step is not None
        assert [fired["value"] for fired in step.fired] == [("a", 0, [1]), ("b", 0, [1])]
        partitions["1"].append(("b", 7, 2))  # it wakes up, behind the others
        step = stepper.step()
        while step is not None and not any(step.records.values()):
            step = stepper.step()
        assert step is not None
        assert step.late == {"window-3": 1}
        assert step.watermarks["window-3"] == 25  # never back


def test_a_union_waits_for_its_slowest_input_until_that_has_ended() -> None:
    def job(p: FlinkStreamProcessor) -> Any:
        fast = timed(p, [("a", 100, 1), ("a", 200, 2), ("a", 5, 3), ("a", 300, 4), ("a", 6, 5)])
        slow = timed(p, [("b", 1, 1), ("b", 2, 2)])
        return windows_of(fast.union(slow)).get_side_output(LATE)

    assert run(job) == [("a", 6, 5)]  # 5 came while the slow one was at 2; when 6 came it had ended
    assert run(job, batch_size=1) == [("a", 6, 5)]


def test_aligned_barriers_a_checkpoint_of_a_union_cuts_both_inputs_at_one_moment() -> None:
    left = [("a", i, i) for i in range(40)]
    right = [("a", i, 100 + i) for i in range(25)]

    def build(p: FlinkStreamProcessor) -> Any:
        return timed(p, left, 5).union(timed(p, right, 5)).key_by(key_of).reduce(lambda a, b: ("a", 0, a[2] + b[2]))

    expected = run(build)
    for stop in (3, 10, 31, 64):
        processor = FlinkStreamProcessor()
        sink = ListSink()
        build(processor).sink_to(sink)
        with processor.step_through() as stepper:
            for _ in range(stop):
                stepper.step()
            operators = stepper._execution.run.snapshot(full=True, number=99)["operators"]
        offsets = [operators["0"]["facts"]["offsets"]["0"], operators["2"]["facts"]["offsets"]["0"]]
        assert sum(offsets) == stop
        assert expected[stop - 1][2] == sum(e[2] for e in left[: offsets[0]]) + sum(e[2] for e in right[: offsets[1]])


def test_a_parquet_file_and_a_json_lines_file_give_their_rows_from_any_offset(tmp_path: Path) -> None:
    rows = [{"user": f"u{i}", "n": i} for i in range(20_000)]
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("rows.parquet", "rows.jsonl"):
        source = FileSource(tmp_path / name)
        assert run(lambda p, source=source: p.add_source(source)) == rows
        reader = source.open("0", 12_345)
        assert reader.read(3).values == rows[12_345:12_348]
        assert reader.offset == 12_348
        reader.close()


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(JobError, match=r"line 2 of rows\.jsonl"):
        run(lambda p: p.add_source(FileSource(tmp_path / "rows.jsonl")))


def test_a_stream_of_events_brings_their_timestamps() -> None:
    stream = EventStream("clicks")
    for minute in range(12):
        stream.publish(a_click("ann", f"i{minute}", at=f"10:{minute:02d}"))

    def job(p: FlinkStreamProcessor) -> Any:
        timed_ = p.add_source(stream).assign_timestamps_and_watermarks(WatermarkStrategy.for_monotonous_timestamps())
        windows = timed_.key_by(lambda e: e.user_id).window(TumblingEventTimeWindows.of(timedelta(minutes=5)))
        return windows.apply(lambda key, window, elements: [len(elements)])

    assert run(job) == [5, 5, 2]


def test_a_live_stream_goes_on_until_the_job_is_stopped() -> None:
    stream = EventStream("clicks")
    processor = FlinkStreamProcessor()
    seen: list[str] = []

    def react(event: Any) -> None:
        seen.append(event.item_id)
        if len(seen) == 3:
            processor.stop()
        else:
            stream.publish(a_click("ann", f"i{len(seen)}"))

    processor.add_source(StreamSource(stream, bounded=False)).sink(react)
    stream.publish(a_click("ann", "i0"))
    processor.execute()
    assert seen == ["i0", "i1", "i2"]


@pytest.mark.parametrize("crash_at", [1, 3, 8])
def test_a_restart_does_not_move_the_end_of_a_stream(crash_at: int) -> None:
    """What is published while the job runs isn't part of it, with a restart as without one."""
    stream = EventStream("clicks")
    for number in range(10):
        stream.publish(a_click("ann", f"i{number}"))
    calls: list[str] = []

    def fails_once(event: Any) -> Any:
        calls.append(event.item_id)
        if len(calls) == crash_at:
            for number in range(10, 15):
                stream.publish(a_click("ann", f"i{number}"))
            raise ValueError("the machine is gone")
        return event.item_id

    processor = FlinkStreamProcessor(
        checkpoint_every=2, batch_size=2, restart_strategy=RestartStrategies.fixed_delay_restart(1, 0)
    )
    processor.add_source(stream).map(fails_once).sink_to(sink := ListSink())

    assert processor.execute().restarts == 1
    assert sink.values == [f"i{number}" for number in range(10)]


def test_a_checkpoint_that_names_no_end_asks_the_stream_for_it() -> None:
    """Such as one that an older version wrote."""
    stream = EventStream("clicks")
    stream.publish(a_click("ann", "i0"))
    processor = FlinkStreamProcessor()
    processor.add_source(stream).sink_to(ListSink())
    with processor.step_through() as stepper:
        source = stepper._execution.run.sources[0]
        facts = source.facts()
        assert facts.pop("ends") == {"0": 1}
        stream.publish(a_click("ann", "i1"))
        source.restore_facts(facts)
        source.open_splits()
        assert source.readers["0"].end == 2


def test_a_stream_that_no_longer_holds_the_offset_says_so() -> None:
    stream = EventStream("clicks", max_size=2)
    for number in range(5):
        stream.publish(a_click("ann", f"i{number}"))
    with pytest.raises(JobError, match="max_size"):
        StreamSource(stream).open("0", 1).read(10)


def test_a_slow_source_is_handed_on_as_it_comes() -> None:
    clock = SystemClock()
    seen: list[int] = []

    def slow() -> Any:
        for number in range(3):
            if number:
                assert seen == list(range(number))  # everything before has reached the sink
            end = clock.now() + timedelta(milliseconds=30)
            while clock.now() < end:
                pass
            yield number

    processor = FlinkStreamProcessor(clock=clock)
    processor.add_source(slow).sink(seen.append)
    processor.execute()
    assert seen == [0, 1, 2]


def test_a_file_sink_writes_text_as_it_is_and_anything_else_as_json(tmp_path: Path) -> None:
    rows = ["plain text", {"a": [1, 2.5, None]}, ("t", 1), 7, a_click("ann", "lamp", at="10:00")]
    processor = FlinkStreamProcessor()
    processor.add_source(rows).sink_to(FileSink(tmp_path))
    processor.execute()
    lines = FileSink(tmp_path).lines()
    assert lines[:4] == ["plain text", '{"a": [1, 2.5, null]}', '["t", 1]', "7"]
    assert json.loads(lines[4])["item_id"] == "lamp"
    assert [path.name for path in tmp_path.iterdir()] == ["part-00000.txt"]


def test_only_a_line_break_ends_a_line(tmp_path: Path) -> None:
    """Other characters that Python breaks lines at are part of a record."""
    rows = ["one\u2028record", "a\x85b", "form\x0cfeed", "a\x0bb\x1cc\x1dd\x1ee", "a\u2029b", "", " "]
    processor = FlinkStreamProcessor()
    processor.add_source(rows).sink_to(sink := FileSink(tmp_path))
    processor.execute()
    assert sink.lines() == rows
    assert FileSink(tmp_path / "empty").lines() == []


def test_a_record_that_makes_no_line_is_named(tmp_path: Path) -> None:
    for record, says in (("two\nlines", "line break"), ({"a": object()}, "no JSON")):
        processor = FlinkStreamProcessor()
        processor.add_source([record]).sink_to(FileSink(tmp_path))
        with pytest.raises(JobError, match=says):
            processor.execute()


def test_two_file_sinks_never_share_a_folder_one_may_take_two_streams(tmp_path: Path) -> None:
    """Two would give their files the same names, and the records of one would be gone."""
    processor = FlinkStreamProcessor()
    numbers = processor.add_source([1, 2])
    numbers.sink_to(sink := FileSink(tmp_path))
    numbers.map(lambda n: n + 10).sink_to(sink)
    with pytest.raises(JobError, match="another FileSink writes there"):
        numbers.sink_to(FileSink(tmp_path / "sub" / ".."))
    numbers.sink_to(FileSink(tmp_path / "elsewhere"))
    processor.execute()
    assert sorted(sink.lines()) == ["1", "11", "12", "2"]
    assert FileSink(tmp_path / "elsewhere").lines() == ["1", "2"]


def test_only_committed_files_are_seen_while_the_job_runs(tmp_path: Path) -> None:
    processor = FlinkStreamProcessor(checkpoint_every=2)
    processor.add_source(list("abcde")).sink_to(FileSink(tmp_path))
    seen = []
    with processor.step_through() as stepper:
        for _ in stepper:
            seen.append(FileSink(tmp_path).lines())
    assert seen[0] == []
    assert seen[2] == ["a", "b"]
    assert FileSink(tmp_path).lines() == list("abcde")


def test_one_source_may_feed_several_branches() -> None:
    processor = FlinkStreamProcessor()
    numbers = processor.add_source(ListSource([1, 2, 3]))
    both = numbers.map(lambda n: n * 10).union(numbers.map(lambda n: n * 100), numbers)
    assert both.execute_and_collect() == [10, 100, 1, 20, 200, 2, 30, 300, 3]


def test_memory_stays_flat_on_a_long_stream() -> None:
    sizes = []

    def endless() -> Any:
        for i in range(40_000):
            yield (f"k{i}", i, i)

    processor = FlinkStreamProcessor(checkpoint_every=1_000)
    windows = timed(processor, endless, 10).key_by(key_of).window(TumblingEventTimeWindows.of(100)).allowed_lateness(50)

    def look(key: str, window: Any, elements: list[Any]) -> list[Any]:
        sizes.append(sum(len(t.data) for t in holder[0].tables.values()))
        return []

    holder: list[Any] = []
    windows.apply(look).sink(print)
    from recsys_lab.flink.processor import Execution

    execution = Execution(processor, "long", None)
    holder.append(execution.run.operators[3])
    execution.run_to_end()
    assert max(sizes) <= 4
    assert sum(map(len, holder[0].tables["windows"]._logs)) == 0
