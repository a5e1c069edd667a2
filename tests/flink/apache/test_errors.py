"""What Apache Flink cannot do is refused before anything runs; what fails is named as it is locally."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from recsys_lab.errors import JobError, NotTranslatable
from recsys_lab.flink import (
    ApacheFlink,
    DataStream,
    FileSink,
    FlinkStreamProcessor,
    KeyedProcessFunction,
    ListSink,
    StreamSource,
    TimeWindow,
    TumblingEventTimeWindows,
    WatermarkStrategy,
    WindowAssigner,
)
from recsys_lab.flink.cep import CEP, Pattern
from recsys_lab.streams import EventStream
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300), needs_flink]


class Mine(WindowAssigner):
    def assign_windows(self, timestamp: int) -> list[TimeWindow]:
        return [TimeWindow(timestamp, timestamp + 1)]


def test_a_window_assigner_of_one_s_own_is_refused_by_the_operator_s_name() -> None:
    processor = FlinkStreamProcessor()
    processor.add_source([1]).window(Mine()).apply(lambda key, window, values: values).name("odd windows")

    with pytest.raises(NotTranslatable, match="'odd windows'"):
        processor.execute(runtime=ApacheFlink())


@pytest.mark.parametrize("endless", [lambda: count(), StreamSource(EventStream("live"), bounded=False)])
def test_a_source_without_end_is_refused(endless: Any) -> None:
    processor = FlinkStreamProcessor()
    processor.add_source(endless, name="forever").sink_to(ListSink())

    with pytest.raises(NotTranslatable, match="'forever'"):
        processor.execute(runtime=ApacheFlink())


class Failing(KeyedProcessFunction):
    def process_element(self, value: int, ctx: Any) -> None:
        ctx.timer_service().register_event_time_timer(7)

    def on_timer(self, timestamp: int, ctx: Any) -> None:
        raise RuntimeError("the timer failed")


def _sum(key: Any, window: Any, values: Any) -> Any:
    raise KeyError("colour")


def _pattern(stream: DataStream) -> DataStream:
    bad = Pattern.begin("one").where(lambda number: number.colour)
    return CEP.pattern(stream, bad).select(lambda match: match).name("nudge")


BAD: dict[str, tuple[Callable[[DataStream], DataStream], str]] = {
    "map": (lambda s: s.map(lambda n: 10 // (n - 3)).name("divide"), "'divide' failed on 3: ZeroDivisionError"),
    "nothing": (lambda s: s.map(lambda n: None).name("forgets"), "'forgets' failed on 1: it returned nothing"),
    "filter": (lambda s: s.filter(lambda n: n.colour).name("only"), "'only' failed on 1: AttributeError"),
    "flat_map": (lambda s: s.flat_map(lambda n: 7).name("many"), "'many' failed on 1: TypeError"),
    "key": (lambda s: s.key_by(lambda n: [n]).name("keys").reduce(max), "'keys' failed on 1: .*not hashable"),
    "timer": (lambda s: s.key_by(lambda n: n).process(Failing()).name("timed"), "'timed' failed on .*: RuntimeError"),
    "window": (
        lambda s: s.window(TumblingEventTimeWindows.of(10)).apply(_sum).name("windows"),
        "'windows' failed on .*: KeyError",
    ),
    "pattern": (_pattern, "'nudge' failed on 1: AttributeError"),
    "timestamp": (
        lambda s: s.assign_timestamps_and_watermarks(
            WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(lambda n, _: "noon")
        ).name("times"),
        "'times' failed on 1: its timestamp is 'noon'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_function_that_fails_is_named_with_its_record(name: str) -> None:
    build, said = BAD[name]
    processor = FlinkStreamProcessor(parallelism=1, checkpoint_interval=None)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(timedelta(seconds=1))
    stream = processor.add_source([1, 2, 3]).assign_timestamps_and_watermarks(
        strategy.with_timestamp_assigner(lambda number, _: number)
    )
    build(stream).sink_to(sink := ListSink())

    with pytest.raises(JobError, match=said):
        processor.execute(runtime=ApacheFlink())

    assert list(sink) == []


def test_a_sink_that_fails_is_named_and_a_file_sink_writes_here(tmp_path: Any) -> None:
    processor = FlinkStreamProcessor()
    stream = processor.add_source([1, 2, 3])
    stream.sink_to(sink := FileSink(tmp_path / "out"))
    processor.execute(runtime=ApacheFlink())
    assert sorted(sink.lines()) == ["1", "2", "3"]

    stream.sink(lambda number: number / 0).name("failing")
    with pytest.raises(JobError, match="'failing' failed on"):
        processor.execute(runtime=ApacheFlink())
