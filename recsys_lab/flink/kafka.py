"""Kafka topics as sources and sinks of a dataflow, exactly once at both ends.

**Source.** Each partition is a split with an offset of its own, and with a watermark of its own; the offsets stand in
the checkpoint, not with a consumer group. A bounded source ends where the topic ended when the job started, and then
partitions are read in lockstep, so that a run can be repeated; an unbounded one gives what is there.

**Sink.** Nobody may see a record before the checkpoint that it belongs to is complete, and everybody must see it
once, whatever crashes. Kafka's transactions do the first; but a client that comes back after a crash can't take up a
transaction that was left open: Kafka aborts it. So the records of a transaction are kept in the checkpoint, and are
sent when that is complete, all in one Kafka transaction, together with the number of the transaction as the committed
offset of a group that nobody else uses. After a crash that number tells whether the transaction is in Kafka already:
then it is left out, else it is sent again. The two are one write to Kafka, so one never happens without the other.

Both run on Apache Flink too, where they become Flink's own connectors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Any

import msgspec
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from recsys_lab.errors import BrokerError, JobError, shorten
from recsys_lab.flink.sources import Records, SplitReader
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.producers import Producer
from recsys_lab.kafka.records import key_bytes, value_bytes
from recsys_lab.kafka.topics import ensure_topics

TIMEOUT_SECONDS = 60.0
"""A broker that gives no answer for so long fails the job (which may restart)."""

_POLL_MS = 100


class KafkaSource:
    """The records of a topic. Values are JSON; another `decode`, such as StreamEvent.from_json, makes other values of
    the bytes, and may give None to leave a record out. Records that only delete a key are left out too.

    topic: its name. bootstrap_servers: addresses of the cluster; else the one that the environment names. bounded: end
    where the topic ends now; else go on until the job is stopped. timestamps are those of the records.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str | None = None,
        *,
        bounded: bool = True,
        decode: Callable[[bytes], Any] = msgspec.json.decode,
        name: str | None = None,
    ) -> None:
        self.topic = _named("topic", topic)
        self.connection = Connection.resolve(bootstrap_servers)
        self.bounded = bounded
        if not callable(decode):
            raise JobError(f"decode is {shorten(decode)}; a function from bytes to a value is needed.")
        self.decode = decode
        self.name = name or topic

    def splits(self) -> list[str]:
        with _consumer(self.connection) as consumer, _asking(self.connection, self.topic):
            numbers = consumer.partitions_for_topic(self.topic)
        if not numbers:
            raise JobError(f"topic {self.topic!r} is not there. Create it, or produce to it first.")
        return [str(number) for number in sorted(numbers)]

    def open(self, split: str, offset: Any) -> SplitReader:
        return _PartitionReader(self, int(split), offset)


class _PartitionReader:
    def __init__(self, source: KafkaSource, number: int, offset: int | None) -> None:
        self._source = source
        self._partition = TopicPartition(source.topic, number)
        self._opening = _consumer(source.connection)
        self._consumer = self._opening.__enter__()
        try:
            with _asking(source.connection, source.topic):
                self._consumer.assign([self._partition])
                first = self._consumer.beginning_offsets([self._partition])[self._partition]
                end = self._consumer.end_offsets([self._partition])[self._partition]
                self.offset = first if offset is None else self._checked(offset, first, end)
                self.end = end if source.bounded else None
                self._consumer.seek(self._partition, self.offset)
        except BaseException:
            self.close()
            raise

    def read(self, most: int) -> Records:
        """Where partitions take turns, a record that is left out has none: it goes on until `most` are kept. An
        unbounded topic has no turns, and might leave out all that ever comes: `most` are looked at.
        """
        values: list[Any] = []
        timestamps: list[int] = []
        wanted = most
        patient_until = monotonic() + TIMEOUT_SECONDS
        with _asking(self._source.connection, self._source.topic):
            while wanted > 0 and not self._is_over():
                wait = 0 if self.end is None else _POLL_MS
                polled = self._consumer.poll(wait, max_records=wanted).get(self._partition, [])
                if polled:
                    patient_until = monotonic() + TIMEOUT_SECONDS
                elif self.end is None:
                    break
                elif monotonic() > patient_until:
                    raise BrokerError(
                        f"{self._source.connection.bootstrap_servers}: partition {self._partition.partition} of "
                        f"{self._source.topic!r} gave nothing for {TIMEOUT_SECONDS:g} s. Is Kafka running?"
                    )
                kept, times = self._decoded([r for r in polled if self.end is None or r.offset < self.end])
                values += kept
                timestamps += times
                wanted -= len(polled if self.end is None else kept)
            self.offset = self._consumer.position(self._partition)
        return Records(values, timestamps, self._is_over())

    def close(self) -> None:
        self._opening.__exit__(None, None, None)

    def _is_over(self) -> bool:
        return self.end is not None and bool(self._consumer.position(self._partition) >= self.end)

    def _decoded(self, records: list[Any]) -> tuple[list[Any], list[int]]:
        values, timestamps = [], []
        for record in records:
            if record.value is None:
                continue
            try:
                value = self._source.decode(record.value)
            except Exception as error:
                raise JobError(
                    f"source {self._source.name!r}: record {record.offset} of partition {record.partition} is "
                    f"{shorten(record.value)}, which cannot be read: {error}. Give a `decode` that knows it, or gives "
                    "None to leave it out."
                ) from error
            if value is not None:
                values.append(value)
                timestamps.append(record.timestamp)
        return values, timestamps

    def _checked(self, offset: Any, first: int, end: int) -> int:
        if not isinstance(offset, int) or offset < 0:
            raise JobError(f"source {self._source.name!r} has no offset {shorten(offset)}; a number from 0 is needed.")
        if not first <= offset <= end:
            raise JobError(
                f"source {self._source.name!r}: partition {self._partition.partition} holds offsets {first} to {end}, "
                f"not {offset}: records were deleted since, or the topic is another one. Start from the beginning."
            )
        return offset


class KafkaSink:
    """Writes to a topic, exactly once. A record is an event or any JSON value; another `encode` makes other bytes.

    topic: made if it is missing. bootstrap_servers: as of KafkaSource. key: f(record) → the key, text or bytes; records
    of a key stay in order. transactional_id: names this sink to Kafka; two that run at a time need two names.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str | None = None,
        *,
        key: Callable[[Any], Any] | None = None,
        encode: Callable[[Any], bytes | None] = value_bytes,
        transactional_id: str | None = None,
    ) -> None:
        self.topic = _named("topic", topic)
        self.connection = Connection.resolve(bootstrap_servers)
        self.key = key
        self.encode = encode
        self.transactional_id = transactional_id or f"recsys-lab-{topic}"
        self._marker = TopicPartition(self.topic, 0)
        self._producer: Producer | None = None
        self._committed = 0  # number of the last transaction that is in Kafka
        self._number = 0  # of the last that was prepared
        self._open: list[list[bytes | None]] = []

    # A transaction, in a checkpoint: {"number": n, "records": [[key, value], …]}

    def begin(self, prepared: list[Any] | None) -> None:
        self.close()
        ensure_topics(self.connection, [self.topic])
        with _asking(self.connection, self.topic):
            self._producer = Producer(
                self.connection, TIMEOUT_SECONDS, self.transactional_id, transaction_seconds=TIMEOUT_SECONDS
            )
            self._producer.init_transactions()  # aborts what an earlier one left open, and shuts that one out
            self._committed = self._number_in_kafka()
        self._open = []
        for transaction in prepared or ():
            self.commit(transaction)
        self._number = max([self._committed, *(transaction["number"] for transaction in prepared or ())])

    def write(self, values: Sequence[Any]) -> None:
        for value in values:
            try:
                key = None if self.key is None else key_bytes(self.key(value))
                self._open.append([key, self.encode(value)])
            except Exception as error:
                raise JobError(
                    f"record {shorten(value)} cannot be written to {self.topic!r}: {error}. Map it to an event or a "
                    "JSON value, or give another `encode` or `key`."
                ) from error

    def pre_commit(self) -> Any:
        records, self._open = self._open, []
        if records:
            self._number += 1
        return {"number": self._number, "records": records}

    def commit(self, prepared: Any) -> None:
        if not prepared["records"] or prepared["number"] <= self._committed:
            return  # there is nothing to see, or it is seen already
        assert self._producer is not None
        with _asking(self.connection, self.topic):
            self._producer.begin_transaction()
            sent = [self._producer.send(self.topic, key=key, value=value) for key, value in prepared["records"]]
            self._producer.flush(TIMEOUT_SECONDS)
            for acknowledgement in sent:
                acknowledgement.get(TIMEOUT_SECONDS)
            number = {self._marker: OffsetAndMetadata(prepared["number"], "", -1)}
            self._producer.send_offsets_to_transaction(number, self._group)
            self._producer.commit_transaction()
        self._committed = prepared["number"]

    def close(self) -> None:
        self._open = []
        if self._producer is not None:
            with contextlib.suppress(KafkaError, OSError, RuntimeError):
                self._producer.close()
            self._producer = None

    @property
    def _group(self) -> str:
        return f"{self.transactional_id}-transactions"

    def _number_in_kafka(self) -> int:
        with _consumer(self.connection, group_id=self._group) as consumer:
            return consumer.committed(self._marker) or 0


@contextlib.contextmanager
def _consumer(connection: Connection, **options: Any) -> Iterator[KafkaConsumer]:
    with _asking(connection, "it"):
        consumer = KafkaConsumer(
            **connection.client(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=10_000,
            **options,
        )
    try:
        yield consumer
    finally:
        with contextlib.suppress(KafkaError, OSError, RuntimeError):
            consumer.close(autocommit=False, timeout_ms=1_000)


@contextlib.contextmanager
def _asking(connection: Connection, what: str) -> Iterator[None]:
    """Errors of the client become errors of the lab, and so failures of the job."""
    try:
        yield
    except KafkaError as error:
        failed = connection.failed(f"{what} could not be read or written", error)
        raise JobError(str(failed)) from error
    except BrokerError as error:
        raise JobError(str(error)) from error


def _named(what: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise JobError(f"{what} is {shorten(name)}; a text is needed.")
    return name
