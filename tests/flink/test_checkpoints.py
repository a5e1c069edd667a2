"""Checkpoints: whole or not at all, refused when they can't be trusted, kept as long as they are needed."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.msgpack import Ext

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import CheckpointError, JobError
from recsys_lab.flink import (
    AggregateFunction,
    FileSink,
    FlinkStreamProcessor,
    KeyedProcessFunction,
    ListSink,
    TimeWindow,
    TumblingEventTimeWindows,
    ValueStateDescriptor,
)
from recsys_lab.flink.codec import decode_column, encode_column, pack
from recsys_lab.flink.tables import Table
from tests.builders import a_click
from tests.flink.jobs import Event, key_of, timed, untimed, value_of

STREAM: list[Event] = [(f"k{i % 5}", i, i) for i in range(60)]


class Total(KeyedProcessFunction):
    def open(self, runtime_context: Any) -> None:
        self.total = runtime_context.get_state(ValueStateDescriptor("total", int))

    def process_element(self, value: Event, ctx: Any) -> Any:
        self.total.update((self.total.value() or 0) + value[2])
        yield (value[0], self.total.value())


def totals(folder: Path | None, stop_after: int = 10**9, **settings: Any) -> tuple[FlinkStreamProcessor, ListSink]:
    """The running totals; the job fails after so many records."""
    processor = FlinkStreamProcessor(**{"checkpoint_every": 10, "checkpoint_dir": folder, "batch_size": 5, **settings})
    sink = ListSink()

    def pass_on(event: Event) -> Event:
        if event[2] >= stop_after:
            raise ValueError("enough")
        return event

    timed(processor, STREAM).map(pass_on).key_by(key_of).process(Total()).sink_to(sink)
    return processor, sink


def expected() -> list[Any]:
    processor, sink = totals(None)
    processor.execute()
    return sink.values


def fail(folder: Path, after: int = 45, **settings: Any) -> list[Any]:
    processor, sink = totals(folder, after, **settings)
    with pytest.raises(JobError):
        processor.execute()
    return sink.values


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_last_few_are_kept_and_nothing_half_written(tmp_path: Path) -> None:
    fail(tmp_path)
    assert files(tmp_path) == ["chk-000002", "chk-000003", "chk-000004"]
    fail(tmp_path, checkpoints_kept=1)
    assert files(tmp_path) == ["chk-000008"]


@pytest.mark.parametrize("parallelism", [1, 2, 3, 8, 128])
def test_a_job_goes_on_from_the_latest_at_any_parallelism(tmp_path: Path, parallelism: int) -> None:
    before = fail(tmp_path, parallelism=4)
    processor, sink = totals(tmp_path, parallelism=parallelism)
    result = processor.execute(restore_from="latest")
    assert before + sink.values == expected()
    assert result.records_in == 60


def test_a_path_names_a_checkpoint_too(tmp_path: Path) -> None:
    fail(tmp_path)
    processor, sink = totals(tmp_path)
    processor.execute(restore_from=tmp_path / "chk-000003")
    assert sink.values == expected()[30:]


def test_latest_without_any_begins_at_the_beginning(tmp_path: Path) -> None:
    processor, sink = totals(tmp_path / "none yet")
    processor.execute(restore_from="latest")
    assert sink.values == expected()


def test_a_job_that_had_ended_has_nothing_left_to_do(tmp_path: Path) -> None:
    totals(tmp_path)[0].execute()
    processor, sink = totals(tmp_path)
    processor.execute(restore_from="latest")
    assert sink.values == []


def damage(path: Path, how: str) -> None:
    raw = path.read_bytes()
    if how == "corrupt":
        middle = len(raw) * 2 // 3
        path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])
    elif how == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "newer":
        path.write_bytes(raw.replace(b"checkpoint 1 ", b"checkpoint 2 ", 1))
    else:
        path.write_bytes(b"\x80\x04\x95 somebody else's file")


@pytest.mark.parametrize("how", ["corrupt", "truncated", "empty", "newer", "something else"])
def test_a_checkpoint_that_cannot_be_used_is_refused_and_the_one_before_offered(tmp_path: Path, how: str) -> None:
    fail(tmp_path)
    damage(tmp_path / "chk-000004", how)
    processor, _ = totals(tmp_path)
    with pytest.raises(CheckpointError) as refused:
        processor.execute(restore_from="latest")
    assert "chk-000003" in str(refused.value)
    processor, sink = totals(tmp_path)
    processor.execute(restore_from=tmp_path / "chk-000003")
    assert sink.values == expected()[30:]


@untimed
@given(st.integers(0, 10_000), st.integers(0, 255))
@example(len("recsys-lab checkpoint "), ord("0"))  # a format that never was
def test_no_flipped_byte_goes_unnoticed(place: int, value: int) -> None:
    from recsys_lab.flink.checkpoints import seal, unseal

    raw = seal(pack({"job_name": "x", "numbers": list(range(50))}))
    place %= len(raw)
    if raw[place] != value:
        with pytest.raises(CheckpointError):
            unseal(raw[:place] + bytes([value]) + raw[place + 1 :], "it")


def test_when_none_can_be_used_it_says_so(tmp_path: Path) -> None:
    fail(tmp_path)
    for path in tmp_path.iterdir():
        damage(path, "corrupt")
    with pytest.raises(CheckpointError, match="no usable one"):
        totals(tmp_path)[0].execute(restore_from="latest")


def test_a_foreign_checkpoint_is_refused_by_name_and_by_shape(tmp_path: Path) -> None:
    fail(tmp_path)
    with pytest.raises(CheckpointError, match="belongs to job"):
        totals(tmp_path)[0].execute("another name", restore_from="latest")
    other = FlinkStreamProcessor(checkpoint_dir=tmp_path)
    timed(other, STREAM).filter(bool).key_by(key_of).process(Total()).sink(print)
    with pytest.raises(CheckpointError, match=r"foreign.*map-2.*filter-2"):
        other.execute(restore_from="latest")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not there"):
        totals(tmp_path)[0].execute(restore_from=tmp_path / "chk-000099")


def test_a_savepoint_is_whole_and_can_be_gone_back_to(tmp_path: Path) -> None:
    processor, sink = totals(tmp_path / "chk")
    with processor.step_through() as stepper:
        for _ in range(25):
            stepper.step()
        stepper.savepoint(tmp_path / "before the change")
        assert sink.values == expected()[:25]
        for _ in range(7):
            stepper.step()
    again, rest = totals(None, parallelism=7)
    again.execute(restore_from=tmp_path / "before the change")
    assert rest.values == expected()[25:]


def test_a_running_job_takes_a_savepoint_when_asked(tmp_path: Path) -> None:
    processor, sink = totals(None)
    processor.savepoint(tmp_path / "asked")
    processor.execute()
    assert sink.values == expected()
    again, rest = totals(None)
    again.execute(restore_from=tmp_path / "asked")
    assert rest.values == expected()[5:]


def test_a_file_sink_taken_back_to_an_earlier_checkpoint_shows_its_contents(tmp_path: Path) -> None:
    def job(stop_after: int = 10**9) -> FlinkStreamProcessor:
        processor, _ = totals(tmp_path / "chk", stop_after)
        return processor

    def with_file(processor: FlinkStreamProcessor) -> FlinkStreamProcessor:
        timed(processor, STREAM).map(value_of).sink_to(FileSink(tmp_path / "out"))
        return processor

    with pytest.raises(JobError):
        with_file(job(45)).execute()
    with_file(job()).execute(restore_from=min((tmp_path / "chk").glob("chk-*")))
    assert [int(line) for line in FileSink(tmp_path / "out").lines()] == list(range(60))


def test_checkpoints_come_by_the_jobs_clock_too() -> None:
    clock = SimulatedClock()

    def slow() -> Any:
        for event in STREAM:
            yield event
            clock.advance(timedelta(seconds=1))

    processor = FlinkStreamProcessor(checkpoint_interval=10, clock=clock)
    timed(processor, slow).sink_to(ListSink())
    assert processor.execute().checkpoints == 5 + 1  # at 10, 20 … 50 s, and at the end


def test_many_keys_write_only_what_changed_and_restore_all(tmp_path: Path) -> None:
    stream = [(f"k{i % 1_500}", i, i) for i in range(18_000)]

    class Last(AggregateFunction):
        def create_accumulator(self) -> list[int]:
            return [0, 0]

        def add(self, value: Event, accumulator: list[int]) -> list[int]:
            return [accumulator[0] + 1, value[2]]

        def get_result(self, accumulator: list[int]) -> list[int]:
            return accumulator

        def merge(self, a: list[int], b: list[int]) -> list[int]:
            return b

    def job(stop_after: int, folder: Path | None) -> tuple[FlinkStreamProcessor, ListSink]:
        processor = FlinkStreamProcessor(checkpoint_every=100, checkpoint_dir=folder, batch_size=100)
        sink = ListSink()

        def pass_on(event: Event) -> Event:
            if event[2] == stop_after:
                raise ValueError("enough")
            return event

        keyed = timed(processor, stream).map(pass_on).key_by(key_of)
        windows = keyed.window(TumblingEventTimeWindows.of(7_000)).aggregate(Last(), lambda k, w, r: [(k, r[0])])
        windows.union(keyed.process(Total())).sink_to(sink)
        return processor, sink

    plain, plain_sink = job(-1, None)
    plain.execute()
    crashed, sink = job(16_150, tmp_path)
    with pytest.raises(JobError):
        crashed.execute()
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert min(sizes[-3:]) < max(sizes) / 4  # changes are less than everything
    again, _ = job(-1, tmp_path)
    again.graph.nodes[-1].function = sink
    again.execute(restore_from="latest")
    assert sink.values == plain_sink.values


# -- the codec and the tables ------------------------------------------------------------------------------------


@dataclass
class Point:
    x: int
    names: tuple[str, ...]


class Record(msgspec.Struct):
    when: datetime
    inner: dict[str, set[int]]


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), st.text(), st.binary()
)
hashable = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
values = st.recursive(
    scalars
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))).map(lambda at: at.replace(fold=0))
    | st.datetimes().map(lambda at: at.replace(fold=0))
    | st.dates()
    | st.timedeltas()
    | st.builds(Point, st.integers(-5, 5), st.tuples(st.text())),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(hashable, inner, max_size=3),
        st.sets(hashable, max_size=3),
        st.builds(deque, st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


def shape(value: Any) -> Any:
    """A value as nested (type, content), so that equal shapes are equal values of equal types all the way down."""
    kind = type(value)
    if kind in (set, frozenset):
        return (kind, frozenset(map(shape, value)))
    if kind is dict:
        return (kind, tuple((shape(key), shape(item)) for key, item in value.items()))
    if kind in (list, tuple, deque):
        return (kind, tuple(map(shape, value)))
    if kind is Point:
        return (kind, value.x, shape(value.names))
    return (kind, repr(value))


@untimed
@given(st.lists(values, max_size=5))
def test_values_come_back_exactly_as_they_were(column: list[Any]) -> None:
    back = decode_column(encode_column(column, (Point,)), (Point,))
    assert shape(back) == shape(column)


def test_events_windows_counters_and_numbers_of_numpy_come_back() -> None:
    column = [
        a_click("ann", "lamp", context={"device": "mobile"}),
        Record(datetime(2026, 1, 1, tzinfo=timezone.utc), {"a": {1, 2}}),
        Counter("abca"),
        np.float64(1.5),
        np.int32(7),
        date(2026, 1, 1),
        TimeWindow(0, 5),
    ]
    types = (Record, TimeWindow)
    back = decode_column(encode_column(column, types), types)
    assert back == column
    assert list(map(type, back)) == list(map(type, column))


def test_a_time_keeps_its_zone_and_goes_on_with_it() -> None:
    zone = ZoneInfo("Europe/Berlin")
    column = [
        datetime(2026, 3, 28, 12, tzinfo=zone),  # the day before the clocks change
        datetime(2026, 10, 25, 2, 30, tzinfo=zone, fold=1),  # an hour that comes twice
        datetime(2026, 3, 29, 2, 30, tzinfo=zone),  # one that never comes
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5))),
    ]

    back = decode_column(encode_column(column))

    assert list(map(repr, back)) == list(map(repr, column))
    assert (back[0] + timedelta(days=1)).utcoffset() == timedelta(hours=2)


def test_times_of_older_checkpoints_and_of_unknown_zones() -> None:
    def written(data: Any) -> Any:
        return decode_column((0, pack([Ext(14, pack(data))])))

    assert written("2026-01-01T00:00:00+01:00") == [datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))]
    with pytest.raises(CheckpointError, match="Nowhere/Here"):
        written(["2026-01-01T00:00:00", "Nowhere/Here", 0])


def test_equal_frozensets_are_written_alike() -> None:
    names = [f"n{i}" for i in range(50)]

    def written(members: list[Any]) -> Any:
        return encode_column([frozenset(members), (frozenset([frozenset(members), 1]),)])

    assert written(names) == written(names[::-1])
    assert decode_column(written(names)) == [frozenset(names), (frozenset([frozenset(names), 1]),)]


def test_a_record_that_the_program_defines_itself_need_not_be_declared() -> None:
    assert decode_column(encode_column([Point(1, ("a",)), TimeWindow(0, 5)])) == [Point(1, ("a",)), TimeWindow(0, 5)]

    @dataclass
    class Hidden:
        x: int

    with pytest.raises(JobError, match="declare the type"):
        encode_column([Hidden(1)])
    assert decode_column(encode_column([Hidden(1)], (Hidden,)), (Hidden,)) == [Hidden(1)]
    with pytest.raises(CheckpointError, match="Declare its type"):
        decode_column(encode_column([Hidden(1)], (Hidden,)))


def test_what_cannot_be_saved_says_what_to_do() -> None:
    with pytest.raises(JobError, match="declare the type"):
        encode_column([object()])
    with pytest.raises(JobError, match="cannot be saved"):
        encode_column([[lambda: 1]])
    with pytest.raises(JobError, match=r"of type Timestamp cannot be saved.*make it a plain datetime"):
        encode_column([{"at": pd.Timestamp("2026-01-01", tz="UTC")}])
    with pytest.raises(JobError, match="make it a plain dict"):
        encode_column([defaultdict(int)])


operations = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "remove", "drop", "snapshot", "touch"]),
        st.integers(0, 2),
        st.integers(0, 4),
        st.integers(0, 99),
    ),
    max_size=60,
)


@untimed
@given(operations, st.booleans())
def test_changes_applied_in_order_are_the_whole(steps: list[Any], ordered: bool) -> None:
    table, copy = Table(ordered=ordered), Table(ordered=ordered)
    copy.apply(table.snapshot(full=True))
    for action, namespace, key, value in steps:
        if action == "put":
            table.put(namespace, key, value)
        elif action == "remove":
            table.remove(namespace, key)
        elif action == "drop":
            table.drop(namespace)
        elif action == "touch" and namespace in table.data:
            for k in table.data[namespace]:
                table.data[namespace][k] = value
            table.touch(namespace, [*table.data[namespace], "not there"])
        else:
            copy.apply(table.snapshot(full=False))
    copy.apply(table.snapshot(full=False))
    assert copy.data == table.data
    if ordered:
        assert [(n, list(e)) for n, e in copy.data.items()] != [] or not table.data
        assert {n: list(e) for n, e in copy.data.items()} == {n: list(e) for n, e in table.data.items()}
    whole = Table(ordered=ordered)
    whole.apply(table.snapshot(full=True))
    assert whole.data == table.data
