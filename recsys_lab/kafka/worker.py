"""A worker: one consumer of a group, on one thread, and the moment at which its offsets are committed.

Each turn takes a batch of records, has them processed, sends on what came of them, and commits. The order of the last
three is the delivery guarantee:

    at-most-once     commit, process, send            a crash loses what was in hand
    at-least-once    process, send, commit            a crash repeats what was in hand
    exactly-once     (process, send, commit) as one   a crash undoes all three: a Kafka transaction

Records of one partition are processed one after the other, those of different partitions side by side; so the order
of a key is kept. Nothing is polled while a batch is at work, so partitions change hands between turns, when everything
done is committed. Only when a batch takes long does the worker poll in the middle of it, with its partitions paused,
to stay a member of its group; if partitions are taken from it then, it drops the batch for the next owner to do, who
may be itself. A transaction names the generation of the group in which its records were polled, so that Kafka refuses
it when partitions have changed hands since. (KIP-98, KIP-447.)
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass
from time import monotonic
from typing import Any, NamedTuple

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata, TopicPartition

from recsys_lab.errors import BrokerError, InvalidEvent
from recsys_lab.events import StreamEvent
from recsys_lab.kafka.connection import Connection, opened
from recsys_lab.kafka.event_loop import LoopThread
from recsys_lab.kafka.metrics import Metrics
from recsys_lab.kafka.producers import MAX_REQUEST_BYTES, Producer, fits
from recsys_lab.kafka.records import (
    LONGEST_CUT,
    Source,
    current_record,
    dead_letter_headers,
    key_bytes,
    key_of,
    outputs_of,
)
from recsys_lab.kafka.refusals import REFUSED, Narrowing, Undeliverable
from recsys_lab.kafka.topics import dead_letters_of

POLL_MS = 250
"""How long a poll waits when there is nothing; so long may `stop` take to be noticed."""

TURN_SECONDS = 1.0
"""After this a batch ends with the record at hand, so that group changes need not wait for a slow processor."""

LONGEST_BACKOFF = 30.0
"""Seconds between two attempts, however many there were."""

FAILURES = (Exception, SystemExit, KeyboardInterrupt, asyncio.CancelledError)
"""What a processor may raise: the last is no `Exception`, and comes of awaiting a task that was cancelled."""

Processor = Callable[[StreamEvent], Awaitable[Any]]


class Output(NamedTuple):
    """A record to send. time: of the record from which it was made, in milliseconds since 1970."""

    time: int
    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True)
class Subscription:
    """What a worker does: events of `topic` to `processor`, as a member of `group_id`; results to `output_topic`.

    prepare: awaited once before each batch. keyed_output: whether `output_topic` takes nothing without a key.
    """

    topic: str
    group_id: str
    processor: Processor
    output_topic: str | None = None
    prepare: Callable[[], Awaitable[None]] | None = None
    keyed_output: bool = False


@dataclass(frozen=True)
class Terms:
    """How a worker does it: see `KafkaStreamProcessor`, whose arguments these are."""

    delivery: str
    retries: int
    backoff_seconds: float
    session_timeout_ms: int
    max_poll_interval_ms: int
    max_poll_records: int
    timeout_seconds: float
    instance_id: str | None
    observe: Callable[[str], None]


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consumes on a thread of its own until `stop`. producer: makes a producer, given its transactional id or None."""

    def __init__(
        self,
        number: int,
        subscription: Subscription,
        terms: Terms,
        connection: Connection,
        loop: LoopThread,
        metrics: Metrics,
        producer: Callable[[str | None], Producer],
        transactional_id: str,
    ) -> None:
        self.subscription = subscription
        self.joined = threading.Event()
        self.error: BaseException | None = None
        self._name = f"{subscription.group_id}-{number}"
        self._terms, self._connection, self._loop, self._metrics = terms, connection, loop, metrics
        self._make_producer, self._transactional_id = producer, transactional_id
        self._producer: Producer | None = None
        self._consumer: KafkaConsumer | None = None
        self._stopping = threading.Event()
        self._halt = threading.Event()  # end the batch with the record at hand
        self._dropped = False  # the batch at hand, of which a partition failed
        self._lost: set[TopicPartition] = set()  # taken away since the last poll
        self._joining = False  # partitions were taken away, and none are given yet
        self._starts: dict[TopicPartition, int] = {}  # of the last batch
        self._narrowing = Narrowing(connection.bootstrap_servers, terms.max_poll_records)
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Finish the record at hand, commit, and leave the group."""
        self._stopping.set()
        self._halt.set()

    def wait(self, seconds: float) -> bool:
        """Whether the thread ended within so many seconds."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    # -- the thread --

    def _run(self) -> None:
        self._metrics.set_error(self._name, None)
        try:
            while not self._stopping.is_set():
                try:
                    self._open()
                    while not self._stopping.is_set():
                        self._turn()
                except Undeliverable as error:
                    self.error = error
                    self._metrics.set_error(self._name, error, stopped=True)
                    return
                except Exception as error:  # Kafka is away, or this member was fenced: begin anew
                    self.error = error
                    self._metrics.add("begun_anew")
                    self._metrics.set_error(self._name, error)
                    self._close()
                    self._stopping.wait(self._terms.backoff_seconds)
        except CancelledError:
            pass  # `stop` would not wait for the record at hand any longer; it was not committed
        finally:
            self._close()

    def _open(self) -> None:
        terms, name = self._terms, self._name
        self._lost.clear()
        self._joining = False
        self._starts = {}
        static = {"group_instance_id": f"{terms.instance_id}-{name}"} if terms.instance_id else {}
        self._consumer = opened(
            KafkaConsumer,
            **self._connection.client(terms.timeout_seconds),
            **static,
            client_id=name,
            group_id=self.subscription.group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=terms.session_timeout_ms,
            heartbeat_interval_ms=max(100, terms.session_timeout_ms // 6),
            max_poll_interval_ms=terms.max_poll_interval_ms,
            max_poll_records=terms.max_poll_records,
        )
        self._consumer.partitions_for_topic(self.subscription.topic)  # the leader of the group must know them
        self._consumer.subscribe([self.subscription.topic], listener=self)
        if terms.delivery == "exactly-once":
            self._producer = self._make_producer(self._transactional_id)
            self._producer.init_transactions()
        else:
            self._producer = self._make_producer(None)

    def _close(self) -> None:
        consumer, producer, self._consumer, self._producer = self._consumer, self._producer, None, None
        if consumer is not None:
            self._metrics.set_lag({}, gone=tuple(map(_name_of, consumer.assignment())))
            with contextlib.suppress(KafkaError, OSError, RuntimeError):
                consumer.close(autocommit=False, timeout_ms=2_000)
        if producer is not None and self._terms.delivery == "exactly-once":
            producer.close()

    # -- a turn --

    def _turn(self) -> None:
        assert self._consumer is not None
        polled = self._without_regained(self._consumer.poll(POLL_MS, max_records=self._narrowing.most))
        self._note_lag()
        if not polled or self._stopping.is_set():
            return
        self._terms.observe("polled")
        self._starts = starts = {partition: records[0].offset for partition, records in polled.items()}
        membership = self._consumer.group_metadata()
        if membership.generation_id < 0 or not membership.member_id:
            self._rewind(starts)  # it was thrown out meanwhile: Kafka would not refuse a transaction in nobody's name
            return
        try:
            done = self._handle(polled, starts, membership)
        except (KafkaError, BrokerError) as error:
            self._metrics.set_error(self._name, error)
            if self._terms.delivery == "at-most-once":
                self._metrics.add("lost", sum(map(len, polled.values())))
                return  # they are committed: lost, which is what was chosen
            self._rewind(starts)
            if isinstance(error, REFUSED):
                self._narrowing.refused(polled, error)
            if self._terms.delivery == "exactly-once":
                raise  # with a new producer; the transaction that was left open is aborted by its successor
            self._stopping.wait(self._terms.backoff_seconds)
            return
        self._metrics.set_error(self._name, None)
        self._narrowing.went_through(done)
        self._rewind(
            {partition: offset for partition, offset in done.items() if offset <= polled[partition][-1].offset}
        )

    def _handle(
        self, polled: dict[TopicPartition, list[Any]], starts: dict[TopicPartition, int], membership: Any
    ) -> dict[Any, int]:
        """Process, send and commit a batch, in the order of the guarantee; the next offset of each partition."""
        delivery, observe = self._terms.delivery, self._terms.observe
        ends = {partition: records[-1].offset + 1 for partition, records in polled.items()}
        if delivery == "at-most-once":
            self._commit(ends)
            observe("committed")
        elif delivery == "exactly-once":
            self._producer.begin_transaction()  # type: ignore[union-attr]
        done, outputs = self._process(polled, starts)
        if delivery == "at-most-once":  # hand back what was committed and is not to be done now
            self._commit({partition: offset for partition, offset in done.items() if offset < ends[partition]})
        observe("processed")
        self._send(outputs)
        observe("sent")
        if delivery == "at-least-once":
            self._commit(done)
            observe("committed")
        elif delivery == "exactly-once":
            self._commit_transaction(done, membership)
            observe("committed")
        return done

    def _process(
        self, polled: dict[TopicPartition, list[Any]], starts: dict[TopicPartition, int]
    ) -> tuple[dict[TopicPartition, int], list[Output]]:
        """Have the loop process a batch; the next offset of each partition, and what is to be sent.

        What was lost to another member meanwhile is left out of both. Partitions are sent on in the order of their
        records' times, as far as that keeps the order within each.
        """
        if not self._stopping.is_set():
            self._halt.clear()
        results = self._wait_for(self._loop.submit(self._process_all(polled)))
        kept = [result for result in results if result[0] not in self._lost]
        done = {partition: starts[partition] if not count else polled[partition][count - 1].offset + 1
                for partition, count, _ in kept}  # fmt: skip
        return done, list(heapq.merge(*(outputs for _, _, outputs in kept), key=_time_of))

    def _wait_for(self, batch: Future[Any]) -> Any:
        """The batch's results; stays a member of the group while it takes long."""
        patience = max(0.05, self._terms.max_poll_interval_ms / 3000)
        while not wait_for_futures([batch], patience).done:
            self._poll_nothing(0)
            while self._joining and not batch.done():
                self._poll_nothing(POLL_MS)  # kafka-python forgets a join that ends between two polls
        return batch.result()

    def _poll_nothing(self, milliseconds: int) -> None:
        """Do a member's duties, with all partitions paused."""
        assert self._consumer is not None
        self._consumer.pause(*self._consumer.assignment())
        stray = self._consumer.poll(milliseconds)  # of partitions that came to us just now
        self._rewind({partition: records[0].offset for partition, records in stray.items()})
        self._consumer.resume(*self._consumer.paused())

    async def _process_all(
        self, polled: dict[TopicPartition, list[Any]]
    ) -> list[tuple[TopicPartition, int, list[Output]]]:
        if self.subscription.prepare is not None:
            await self.subscription.prepare()
        if len(polled) == 1:
            return [await self._process_partition(*pair) for pair in polled.items()]
        side_by_side = [asyncio.ensure_future(self._process_partition(*pair)) for pair in polled.items()]
        try:
            return await asyncio.gather(*side_by_side)
        except BaseException:  # the batch will be repeated: nothing of it may go on meanwhile
            self._dropped = True
            for partition in side_by_side:
                partition.cancel()
            await asyncio.gather(*side_by_side, return_exceptions=True)
            raise
        finally:
            self._dropped = False

    async def _process_partition(
        self, partition: TopicPartition, records: Sequence[Any]
    ) -> tuple[TopicPartition, int, list[Output]]:
        """Records in order, until all are done or the batch is to end; how many were done, and what is to be sent."""
        outputs: list[Output] = []
        topic, output_topic, observe = self.subscription.topic, self.subscription.output_topic, self._terms.observe
        deadline = monotonic() + min(TURN_SECONDS, self._terms.max_poll_interval_ms / 3000)
        processed = count = 0
        for record in records:
            if count and (self._halt.is_set() or monotonic() > deadline):
                break
            count += 1
            if record.value is None:
                continue  # a tombstone: what it names is deleted, and no event
            try:
                self._narrowing.check(partition, record.offset)
                results = await self._attempt(StreamEvent.from_json(record.value), record)
                if results is None:
                    count -= 1
                    break
                made = [] if output_topic is None else [_output_of(record, event, output_topic) for event in results]
                self._check_keys(made)
            except FAILURES as error:
                if self._is_cancelled(error):
                    raise
                self._metrics.add("dead_lettered")
                outputs.append(_dead_letter_of(record, error, dead_letters_of(topic)))
            else:
                processed += 1
                outputs += made
            observe("record")
        self._metrics.add("consumed", count)
        self._metrics.add("processed", processed)
        return partition, count, outputs

    async def _attempt(self, event: StreamEvent, record: Any) -> Sequence[StreamEvent] | None:
        """What the processor makes of the event, tried again a few times before its error counts.

        None when `stop` came before another attempt: the record is left to the next owner, as if it had not been tried.
        """
        current_record.set(record)
        for attempt in range(self._terms.retries + 1):
            try:
                return outputs_of(await self.subscription.processor(event))
            except FAILURES as error:
                if self._is_cancelled(error):
                    raise
                self._metrics.add("failed")
                if attempt == self._terms.retries or isinstance(error, InvalidEvent):
                    raise
                backoff = min(LONGEST_BACKOFF, self._terms.backoff_seconds * 2.0 ** min(attempt, 30))
                if await self._stopped_within(backoff):
                    return None
                self._metrics.add("retried")
        raise AssertionError("unreachable")

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait so long, or until `stop` is called."""
        until = monotonic() + seconds
        while not self._stopping.is_set() and (left := until - monotonic()) > 0:
            await asyncio.sleep(min(left, POLL_MS / 1000))
        return self._stopping.is_set()

    def _check_keys(self, outputs: Sequence[Output]) -> None:
        """Raise InvalidEvent for one that has no key, where Kafka would refuse it."""
        if self.subscription.keyed_output and any(output.key is None for output in outputs):
            topic = self.subscription.output_topic
            raise InvalidEvent(f"user_id is None; {topic} is compacted, so what is sent to it needs a user, or a key.")

    def _is_cancelled(self, error: BaseException) -> bool:
        """Whether the batch is to end at once; else the processor awaited something that was cancelled."""
        return isinstance(error, asyncio.CancelledError) and (self._stopping.is_set() or self._dropped)

    def _send(self, outputs: list[Output]) -> None:
        """Send on what came of a batch, and wait until all of it is acknowledged."""
        if not outputs:
            return
        if self._terms.delivery != "exactly-once":
            self._producer = self._make_producer(None)  # the one that all share, which may have been replaced
        assert self._producer is not None
        send = self._producer.send
        futures = [send(output.topic, key=output.key, value=output.value, headers=output.headers) for output in outputs]
        self._producer.flush(self._terms.timeout_seconds)
        for future in futures:
            future.get(self._terms.timeout_seconds)

    # -- committing --

    def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        assert self._consumer is not None
        if offsets:
            self._consumer.commit(_as_commit(offsets), timeout_ms=int(self._terms.timeout_seconds * 1000))

    def _commit_transaction(self, offsets: dict[TopicPartition, int], membership: Any) -> None:
        assert self._producer is not None
        if not offsets:
            self._producer.abort_transaction()
            return
        self._producer.send_offsets_to_transaction(_as_commit(offsets), membership)
        self._terms.observe("offsets sent")
        self._producer.commit_transaction()

    def _rewind(self, offsets: dict[TopicPartition, int]) -> None:
        """Poll these again, as far as they are still ours."""
        assert self._consumer is not None
        for partition in self._consumer.assignment() & offsets.keys():
            self._consumer.seek(partition, offsets[partition])

    def _without_regained(self, polled: dict[TopicPartition, list[Any]]) -> dict[TopicPartition, list[Any]]:
        """Leave out partitions that were taken away and came back, and poll them again from what is committed.

        kafka-python lets them keep their position, which may be past records that were dropped with their batch.
        """
        assert self._consumer is not None
        if not self._lost:
            return polled
        regained = self._lost & self._consumer.assignment()
        firsts = {partition: records[0].offset for partition, records in polled.items()}
        for partition in regained:
            committed = self._consumer.committed(partition, timeout_ms=int(self._terms.timeout_seconds * 1000))
            for offset in (committed, self._starts.get(partition), firsts.get(partition)):
                if offset is not None:
                    self._consumer.seek(partition, offset)
                    break
        self._lost -= regained
        return {partition: records for partition, records in polled.items() if partition not in regained}

    # -- the group, on a thread of kafka-python --

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._lost.update(revoked)
        self._joining = True
        self._halt.set()
        if self._consumer is not None:
            # Else a join that outlasts a poll may be forgotten by kafka-python: its member would do nothing, busily.
            self._consumer._coordinator.request_rejoin()
        self._metrics.set_lag({}, gone=tuple(map(_name_of, revoked)))

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._joining = False
        self._metrics.add("rebalances")
        self._metrics.set_error(self._name, None)
        self.joined.set()

    def _note_lag(self) -> None:
        assert self._consumer is not None
        lag = {}
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is not None:
                lag[_name_of(partition)] = max(0, end - self._consumer.position(partition))
        self._metrics.set_lag(lag)


def _output_of(record: Any, event: StreamEvent, topic: str) -> Output:
    """What a record became. Raises MessageSizeTooLargeError, as the producer would when it is too late."""
    key = key_bytes(key_of(event)) if record.key is None else record.key
    value, headers = event.to_json(), [Source(record.topic, record.partition, record.offset).header()]
    if not fits(key, value, headers):
        raise MessageSizeTooLargeError(f"the output would be {len(value)} bytes; {MAX_REQUEST_BYTES} are sent at most.")
    return Output(record.timestamp, topic, key, value, headers)


def _dead_letter_of(record: Any, error: BaseException, topic: str) -> Output:
    """A record that is set aside; cut, if it is too large to be sent, with a header that gives its size."""
    key, value, headers = record.key, record.value, dead_letter_headers(record, error)
    if not fits(None, value, headers):
        headers.append(("size", str(len(value)).encode()))
        value = value[:LONGEST_CUT]
    if not fits(key, value, headers):
        key = None  # part of a key would be another key
    return Output(record.timestamp, topic, key, value, headers)


def _time_of(output: Output) -> int:
    return output.time


def _as_commit(offsets: dict[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    return {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}


def _name_of(partition: TopicPartition) -> str:
    return f"{partition.topic}-{partition.partition}"
