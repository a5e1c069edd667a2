"""The stream processor on Kafka: producers and consumers around functions of events.

    processor = KafkaStreamProcessor(kafka.bootstrap_servers)
    processor.setup_producer()
    processor.setup_consumer("clicks", "counter", count)      # count: async, takes an event
    processor.start_consumers()
    await processor.produce_event("clicks", event)            # (partition, offset), once Kafka has it for sure
    processor.stop()

What may go wrong, and what then: a record that is no event, or whose processor fails again and again, goes to
`<topic>.dlq` with the reason, and the stream goes on. A broker that is away makes calls fail with BrokerError, while
consumers wait and go on where they had stopped. When an offset is committed is the delivery guarantee; see `worker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from recsys_lab.checks import refuse
from recsys_lab.clock import IdSource
from recsys_lab.errors import BrokerError, LabError, shorten
from recsys_lab.events import StreamEvent
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.event_loop import LoopThread
from recsys_lab.kafka.metrics import Metrics
from recsys_lab.kafka.records import key_bytes, key_of, value_bytes
from recsys_lab.kafka.topics import dead_letters_of, ensure_topics
from recsys_lab.kafka.worker import Processor, Subscription, Terms, Worker

DELIVERIES = ("at-least-once", "at-most-once", "exactly-once")

STOP_WITHIN = 30.0
"""Seconds that `stop` gives the record at hand before it is cancelled."""


class KafkaStreamProcessor:
    """Producers and consumers of events.

    bootstrap_servers: addresses; by default those of KAFKA_BOOTSTRAP_SERVERS, else a broker on port 9092.
    delivery: "at-least-once", "at-most-once" or "exactly-once"; see `worker`. retries: how often a failed record is
    tried again, after `backoff`, twice that, four times that, before it goes to the dead letters. session_timeout_ms:
    a consumer not heard of for so long is taken for dead. max_poll_interval_ms, max_poll_records: as in Kafka.
    timeout: of a call to the broker. instance_id: a name for this instance that stays the same over restarts; with it
    a restarted instance takes its partitions back at once, instead of after the session timeout.
    observe: called with each step ("polled", "record", "processed", "sent", "offsets sent", "committed"), for lessons
    and tests that want to look, or crash, at just that point.
    """

    def __init__(
        self,
        bootstrap_servers: str | None = None,
        *,
        delivery: str = "at-least-once",
        retries: int = 3,
        backoff: timedelta = timedelta(milliseconds=100),
        session_timeout_ms: int = 6_000,
        max_poll_interval_ms: int = 300_000,
        max_poll_records: int = 2_000,
        timeout: timedelta = timedelta(seconds=10),
        instance_id: str | None = None,
        observe: Callable[[str], None] | None = None,
    ) -> None:
        if delivery not in DELIVERIES:
            refuse("delivery", delivery, f"one of {', '.join(DELIVERIES)} is needed.")
        if retries < 0:
            refuse("retries", retries, "0 or more is needed.")
        self.connection = Connection.resolve(bootstrap_servers)
        self.producer: KafkaProducer | None = None
        self._terms = Terms(
            delivery, retries, backoff.total_seconds(), session_timeout_ms, max_poll_interval_ms, max_poll_records,
            timeout.total_seconds(), instance_id, observe or _look_at_nothing,
        )  # fmt: skip
        self._subscriptions: list[Subscription] = []
        self._workers: list[Worker] = []
        self._metrics = Metrics()
        self._loop: LoopThread | None = None
        self._topics: set[str] = set()  # known to exist
        self._ensuring: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Future[None]] = {}
        self._name = instance_id or IdSource(kind="unique")()
        self._changing = threading.Lock()

    @property
    def delivery(self) -> str:
        """The guarantee."""
        return self._terms.delivery

    # -- setting up --

    def setup_producer(self) -> None:
        """Make the producer: JSON, text keys, acknowledged by all replicas, idempotent, gzip. Safe to call twice.

        Raises BrokerError when the cluster is not reached.
        """
        if self.producer is None:
            try:
                self.producer = self._make_producer(None)
            except KafkaError as error:
                raise self.connection.failed("no producer could be made", error) from error

    def setup_consumer(
        self,
        topic: str,
        group_id: str,
        processor: Processor,
        *,
        output_topic: str | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Have a consumer of the group give each event of the topic to the processor, from `start_consumers` on.

        processor: async; what it returns (an event, a list of events, or None) is sent to `output_topic` under the
        key of the record at hand. prepare: async, awaited before each batch. Call it again for one more consumer.
        """
        if self._workers:
            raise LabError(f"the consumers run already; set up {shorten(topic)} before start_consumers().")
        self._subscriptions.append(Subscription(topic, group_id, processor, output_topic, prepare))

    def start_consumers(self) -> None:
        """Start a thread for each consumer, and one event loop for all processors. Raises BrokerError.

        Topics that are missing are created. Safe to call twice.
        """
        with self._changing:
            if self._workers:
                return
            self.setup_producer()
            wanted = {subscription.topic for subscription in self._subscriptions}
            dead_letters = {dead_letters_of(topic) for topic in wanted}
            outputs = {subscription.output_topic for subscription in self._subscriptions if subscription.output_topic}
            self._ensure(wanted | dead_letters | outputs)
            self._loop = LoopThread("kafka-processors")
            self._workers = [
                Worker(
                    number, subscription, self._terms, self.connection, self._loop, self._metrics,
                    self._producer_for_worker, f"{subscription.group_id}-{subscription.topic}-{self._name}-{number}",
                )
                for number, subscription in enumerate(self._subscriptions)
            ]  # fmt: skip
            for worker in self._workers:
                worker.start()

    def wait_until_joined(self, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Return when every consumer has been given its partitions. Raises BrokerError after the timeout."""
        deadline = monotonic() + timeout.total_seconds()
        for worker in self._workers:
            if not worker.joined.wait(max(0.0, deadline - monotonic())):
                error = worker.error or TimeoutError(f"not within {timeout.total_seconds():g} s")
                raise self.connection.failed(f"group {worker.subscription.group_id} was not joined", error)

    # -- producing --

    async def produce_event(self, topic: str, event: StreamEvent, key: str | None = None) -> tuple[int, int]:
        """Send an event and give its partition and offset, once all replicas in sync have it.

        key: decides the partition; the user by default (of an item's update, the item). The event loop goes on
        meanwhile. Raises BrokerError when that is not confirmed within the timeout.
        """
        if not isinstance(event, StreamEvent):
            raise TypeError(f"event is {shorten(event)}; build a StreamEvent.")
        producer = self._ready_producer()
        loop = asyncio.get_running_loop()
        try:
            if topic not in self._topics:
                await self._ensured(topic)
            sent = producer.send(topic, key=key_of(event) if key is None else key, value=event)
        except KafkaError as error:
            raise self.connection.failed(f"{event.event_id} was not sent to {topic}", error) from error
        confirmed: asyncio.Future[tuple[int, int]] = loop.create_future()
        failed = functools.partial(self.connection.failed, f"{topic} did not confirm {event.event_id}")
        sent.add_callback(lambda told: _settle(loop, confirmed, (told.partition, told.offset)))
        sent.add_errback(lambda error: _settle(loop, confirmed, failed(error)))
        return await confirmed

    # -- ending --

    def stop(self) -> None:
        """Finish the record at hand, commit, close each consumer on its own thread; nothing is left running.

        A record that takes longer than half a minute is cancelled, and will be delivered again. Safe to call twice.
        """
        with self._changing:
            for worker in self._workers:
                worker.ask_to_stop()
            deadline = monotonic() + STOP_WITHIN
            late = [worker for worker in self._workers if not worker.wait(deadline - monotonic())]
            if self._loop is not None:
                self._loop.close()
            for worker in late:
                worker.wait(2 * self._terms.timeout_seconds)
            if self.producer is not None:
                with contextlib.suppress(KafkaError):
                    self.producer.close(timeout=self._terms.timeout_seconds)
            self._workers, self._loop, self.producer = [], None, None

    def metrics(self) -> dict[str, Any]:
        """Counters, and the lag of each partition at hand; see `Metrics`."""
        return self._metrics.to_dict()

    # -- parts --

    def _ready_producer(self) -> KafkaProducer:
        if self.producer is None:
            raise LabError("there is no producer; call setup_producer() first.")
        return self.producer

    def _producer_for_worker(self, transactional_id: str | None) -> KafkaProducer:
        return self._ready_producer() if transactional_id is None else self._make_producer(transactional_id)

    def _make_producer(self, transactional_id: str | None) -> KafkaProducer:
        timeout_ms = int(self._terms.timeout_seconds * 1000)
        transactional = {"transactional_id": transactional_id, "transaction_timeout_ms": 10_000}
        return KafkaProducer(
            **self.connection.client(),
            **(transactional if transactional_id else {}),
            key_serializer=key_bytes,
            value_serializer=value_bytes,
            acks="all",
            enable_idempotence=True,
            retries=10,
            batch_size=16_384,
            linger_ms=10,
            compression_type="gzip",
            max_request_size=2 * 1024 * 1024,
            max_block_ms=timeout_ms,
            request_timeout_ms=max(1_000, timeout_ms // 2),
            delivery_timeout_ms=timeout_ms,
        )

    async def _ensured(self, topic: str) -> None:
        """See to it that the topic exists. Calls that wait for this go on in the order in which they came."""
        loop = asyncio.get_running_loop()
        if (loop, topic) not in self._ensuring:
            known = sorted({topic} - self._topics)
            self._ensuring[loop, topic] = loop.run_in_executor(None, ensure_topics, self.connection, known)
        try:
            await asyncio.shield(self._ensuring[loop, topic])
            self._topics.add(topic)
        finally:
            self._ensuring.pop((loop, topic), None)

    def _ensure(self, topics: set[str]) -> None:
        if topics - self._topics:
            ensure_topics(self.connection, sorted(topics - self._topics))
            self._topics |= topics


def _settle(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], outcome: Any) -> None:
    """Give a future of that loop its outcome, from the producer's thread."""

    def settle() -> None:
        if future.done():
            return
        if isinstance(outcome, BrokerError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    with contextlib.suppress(RuntimeError):  # the loop is gone, and so is who waited
        loop.call_soon_threadsafe(settle)


def _look_at_nothing(step: str) -> None:
    """Nobody observes."""
