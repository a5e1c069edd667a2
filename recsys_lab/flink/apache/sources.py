"""Sources as PyFlink's: collections that travel with the job, files read by ranges, and Kafka topics."""

from __future__ import annotations

from typing import Any

from pyflink.common import WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.fn_execution.coders import CloudPickleCoder
from pyflink.serializers import PickleSerializer

from recsys_lab.errors import NotTranslatable
from recsys_lab.flink.apache import functions as adapt
from recsys_lab.flink.graph import StreamOperator
from recsys_lab.flink.kafka import KafkaSource
from recsys_lab.flink.sources import Source

MOST_RECORDS = 2_000_000
"""What is not a topic or file travels with the job; more than this doesn't."""

_AT_ONCE = 8_192


class _Travelling(PickleSerializer):
    """A collection is written as PyFlink writes records: so values of classes that a notebook defines travel too."""

    def __init__(self) -> None:
        self._coder = CloudPickleCoder().get_impl()

    def dumps(self, obj: Any) -> bytes:
        written: bytes = self._coder.encode(obj)
        return written[4:]  # the length stands before it


def stream_of(environment: Any, node: StreamOperator, parallelism: int) -> tuple[Any, int, int | None]:
    """(stream, its parallelism, how many records it has if that is known). Raises NotTranslatable."""
    source: Source = node.function
    if isinstance(source, KafkaSource):
        from recsys_lab.flink.apache import topics  # its connector is needed for topics only

        return *topics.stream_of(environment, node, source), None
    values, timestamps = _all_records(source, node.name)
    environment.serializer = _Travelling()
    if not values:
        return _stream(environment, [None], node).filter(_Nothing()), 1, 0
    if timestamps is None:
        return _stream(environment, values, node), 1, len(values)
    stamped = _stream(environment, list(zip(timestamps, values, strict=True)), node)
    strategy = WatermarkStrategy.no_watermarks().with_timestamp_assigner(_Given())
    return stamped.assign_timestamps_and_watermarks(strategy).map(_second, adapt.ANY), 1, len(values)


def _stream(environment: Any, values: list[Any], node: StreamOperator) -> Any:
    return environment.from_collection(values).name(node.name)


def _all_records(source: Source, name: str) -> tuple[list[Any], list[int] | None]:
    """All that a bounded source has; its splits take turns, a record each, as they do locally."""
    parts = []
    for split in source.splits():
        reader = source.open(split, None)
        values: list[Any] = []
        timestamps: list[int] = []
        stamped = True
        try:
            while True:
                records = reader.read(_AT_ONCE)
                values.extend(records.values)
                stamped = stamped and (records.timestamps is not None or not records.values)
                timestamps.extend(records.timestamps or ())
                if records.ended:
                    break
                if not records.values:
                    raise NotTranslatable(
                        f"source {name!r} doesn't end, and only the local runtime can wait for it. "
                        "Give a bounded source, or a Kafka topic."
                    )
                if len(values) > MOST_RECORDS:
                    raise NotTranslatable(
                        f"source {name!r} has more than {MOST_RECORDS:,} records, which would all travel with the job. "
                        "Put them into a file or a Kafka topic."
                    )
        finally:
            reader.close()
        parts.append((values, timestamps if stamped and values else None))
    if len(parts) == 1:
        return parts[0]
    longest = max((len(values) for values, _ in parts), default=0)
    order = [(which, at) for at in range(longest) for which, (values, _) in enumerate(parts) if at < len(values)]
    stamps = [stamps for _, stamps in parts]
    known = all(part is not None for part in stamps)
    return (
        [parts[which][0][at] for which, at in order],
        [stamps[which][at] for which, at in order] if known else None,  # type: ignore[index]
    )


class _Nothing:
    def __call__(self, value: Any) -> bool:
        return False


class _Given(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        timestamp: int = value[0]
        return timestamp


def _second(pair: Any) -> Any:
    return pair[1]
