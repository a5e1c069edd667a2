"""The same job on PyFlink's embedded cluster, for `benchmarks.dataflow`, in a process of its own.

    python -m benchmarks.pyflink_job process 200000
    python -m benchmarks.pyflink_job thread 200000

As PyFlink's documentation has it: nothing of the lab's is in between. process, thread: where its Python functions run,
beside Java or inside it. Checkpoints are off, and everything runs in one subtask: both in its favour. Apache Flink
moves the watermark every 200 ms, so no event may be late; then the answer is one.

Prints, as JSON, the seconds from the submission of the job to its last result (Java runs already), and the answer.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from time import perf_counter
from typing import Any

from pyflink.common import Configuration, Duration, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.functions import AggregateFunction, ProcessWindowFunction
from pyflink.datastream.window import TumblingEventTimeWindows

from benchmarks.dataflow_job import (
    BOUND_MS,
    SIZE_MS,
    CountAndSum,
    answer,
    events,
    is_interest,
    timestamp,
    user_of,
    weigh,
)

_EVENT = Types.TUPLE([Types.STRING(), Types.STRING(), Types.STRING(), Types.LONG()])
_WEIGHED = Types.TUPLE([Types.STRING(), Types.STRING(), Types.DOUBLE()])
_HELD = Types.TUPLE([Types.LONG(), Types.DOUBLE()])
_RESULT = Types.TUPLE([Types.STRING(), Types.LONG(), Types.LONG(), Types.DOUBLE()])


class Timestamps(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return timestamp(value, record_timestamp)


class Aggregate(CountAndSum, AggregateFunction):
    pass


class WithUser(ProcessWindowFunction):
    def process(self, key: str, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        for count, total in elements:
            yield key, context.window().start, count, total


def main(mode: str, count: int) -> None:
    configuration = Configuration()
    configuration.set_string("python.execution-mode", mode)
    environment = StreamExecutionEnvironment.get_execution_environment(configuration)
    environment.set_parallelism(1)
    environment.set_python_executable(sys.executable)
    stream = events(count, disorder_ms=BOUND_MS)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(BOUND_MS))
    results = (
        environment.from_collection(stream, _EVENT)
        .assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(Timestamps()))
        .map(weigh, _WEIGHED)
        .filter(is_interest)
        .key_by(user_of, Types.STRING())
        .window(TumblingEventTimeWindows(SIZE_MS, 0))
        .aggregate(Aggregate(), WithUser(), _HELD, _RESULT)
    )
    start = perf_counter()
    with results.execute_and_collect("benchmark") as collected:
        values = list(collected)
    print(json.dumps({"seconds": [perf_counter() - start], "answer": answer(values)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
