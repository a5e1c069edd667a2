"""The stream processor on Kafka: producers and consumers around functions of events.

    processor = KafkaStreamProcessor(kafka.bootstrap_servers)
    processor.setup_producer()
    processor.setup_consumer("clicks", "counter", count)      # count: async, takes an event
    processor.start_consumers()
    await processor.produce_event("clicks", event)            # (partition, offset), once Kafka has it for sure
    processor.stop()

What may go wrong, and what then: a record that is no event, or whose processor fails again and again, or whose result
Kafka refuses, goes to `<topic>.dlq` with the reason, and the stream goes on. A broker that is away makes calls fail
with BrokerError, while consumers wait and go on where they had stopped; `metrics()["errors"]` says what for. When an
offset is committed is the delivery guarantee; see `worker`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from kafka.errors import KafkaError, KafkaTimeoutError

from recsys_lab.checks import refuse
from recsys_lab.clock import IdSource
from recsys_lab.errors import BrokerError, LabError, shorten
from recsys_lab.events import StreamEvent
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.event_loop import LoopThread, settle
from recsys_lab.kafka.metrics import Metrics
from recsys_lab.kafka.producers import Producer
from recsys_lab.kafka.records import key_of
from recsys_lab.kafka.topics import compacted, dead_letters_of, ensure_topics
from recsys_lab.kafka.worker import Processor, Subscription, Terms, Worker

DELIVERIES = ("at-least-once", "at-most-once", "exactly-once")

SHORTEST_TIMEOUT = timedelta(milliseconds=100)

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
        numbers = {
            "session_timeout_ms": session_timeout_ms,
            "max_poll_interval_ms": max_poll_interval_ms,
            "max_poll_records": max_poll_records,
        }
        for name, number in {"retries": retries, **numbers}.items():
            least = int(name in numbers)
            if not isinstance(number, int) or number < least:
                refuse(name, number, f"a whole number, {least} or more, is needed.")
        if backoff < timedelta(0):
            refuse("backoff", backoff, "it must not be negative.")
        if timeout < SHORTEST_TIMEOUT:
            refuse("timeout", timeout, "at least a tenth of a second is needed.")
        self.connection = Connection.resolve(bootstrap_servers)
        self.producer: Producer | None = None
        self._terms = Terms(
            delivery, retries, backoff.total_seconds(), session_timeout_ms, max_poll_interval_ms, max_poll_records,
            timeout.total_seconds(), instance_id, observe or _look_at_nothing,
        )  # fmt: skip
        self._subscriptions: list[Subscription] = []
        self._workers: list[Worker] = []
        self._metrics = Metrics()
        self._loop: LoopThread | None = None
        self._topics: set[str] = set()  # known to exist
        self._keyed: set[str] = set()  # of these, those that take nothing without a key
        self._learning: dict[str, asyncio.Future[Producer]] = {}
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[str, _Queue]] = WeakKeyDictionary()
        self._name = instance_id or IdSource(kind="unique")()
        self._changing = threading.Lock()
        self._replacing = threading.Lock()

    @property
    def delivery(self) -> str:
        """The guarantee."""
        return self._terms.delivery

    # -- setting up --

    def setup_producer(self) -> None:
        """Make the producer: JSON, text keys, acknowledged by all replicas, idempotent, gzip. Safe to call twice.

        Raises BrokerError when the cluster is not reached.
        """
        with self._replacing:
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
        if not callable(processor):
            raise TypeError(f"processor is {shorten(processor)}; an async function of an event is needed.")
        if self._workers:
            raise LabError(f"the consumers run already; set up {shorten(topic)} before start_consumers().")
        for other in self._subscriptions:
            if other.group_id == group_id and other.topic != topic:  # kafka-python would leave one of them unread
                raise LabError(
                    f"group {shorten(group_id)} works on {shorten(other.topic)}; give {shorten(topic)} another group."
                )
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
                    number, self._as_told(subscription), self._terms, self.connection, self._loop, self._metrics,
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
        meanwhile. Raises BrokerError when that is not confirmed within the timeout, and at once for an event without a
        key, where the topic is compacted.
        """
        if not isinstance(event, StreamEvent):
            raise TypeError(f"event is {shorten(event)}; build a StreamEvent.")
        if not isinstance(key, str | None):
            raise TypeError(f"key is {shorten(key)}; text is needed, or None for the user.")
        self._ready_producer()
        seconds = self._terms.timeout_seconds
        try:
            return await asyncio.wait_for(self._send(topic, event, key), seconds)
        except asyncio.TimeoutError:
            error = TimeoutError(f"not within {seconds:g} s")
            raise self.connection.failed(f"{topic} did not confirm {event.event_id}", error) from None
        except KafkaError as error:
            raise self.connection.failed(f"{topic} did not confirm {event.event_id}", error) from error

    async def _send(self, topic: str, event: StreamEvent, key: str | None) -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, defaultdict(_Queue))[topic]
        kept_under = key_of(event) if key is None else key
        async with queue.turn(lambda: self._producer_that_knows(topic)) as producer:  # nobody overtakes who waits
            if kept_under is None and topic in self._keyed:  # else the producer, once refused, would be of no more use
                raise BrokerError(
                    f"{self.connection.bootstrap_servers}: {topic} is compacted (it keeps the latest event of each "
                    f"key), and {event.event_id} has no key. Give it a user_id, or name a key in produce_event()."
                )
            sent = producer.send(topic, key=kept_under, value=event)
        confirmed: asyncio.Future[tuple[int, int]] = loop.create_future()
        sent.add_callback(lambda told: settle(loop, confirmed, (told.partition, told.offset)))
        sent.add_errback(lambda error: settle(loop, confirmed, error))
        return await confirmed

    async def _producer_that_knows(self, topic: str) -> Producer:
        producer = self._ready_producer()
        if topic not in self._topics or producer.is_stuck or not producer.knows(topic):
            return await self._learn(topic)  # else `send` would wait, and the loop with it
        return producer

    async def _learn(self, topic: str) -> Producer:
        """A producer that knows the topic, which is created if need be: once for all who wait."""

        def learn() -> Producer:
            producer = self._shared_producer()
            self._ensure({topic})
            producer.partitions_for(topic)
            return producer

        learning = self._learning.get(topic)
        if learning is None or learning.get_loop() is not asyncio.get_running_loop():
            learning = self._learning[topic] = asyncio.get_running_loop().run_in_executor(None, learn)
            learning.add_done_callback(lambda _: self._learning.pop(topic, None))
        return await asyncio.shield(learning)

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
            with self._replacing:  # else one that is being made would be installed after the end
                if self.producer is not None:
                    self.producer.close(self._terms.timeout_seconds)
                self._workers, self._loop, self.producer = [], None, None

    def metrics(self) -> dict[str, Any]:
        """Counters, and the lag of each partition at hand; see `Metrics`."""
        return self._metrics.to_dict()

    # -- parts --

    def _ready_producer(self) -> Producer:
        if self.producer is None:
            raise LabError("there is no producer; call setup_producer() first.")
        return self.producer

    def _producer_for_worker(self, transactional_id: str | None) -> Producer:
        return self._shared_producer() if transactional_id is None else self._make_producer(transactional_id)

    def _shared_producer(self) -> Producer:
        """The producer of all who need no transactions; a new one, when it has to be replaced. Raises KafkaError."""
        with self._replacing:
            producer = self._ready_producer()
            if producer.is_stuck:
                self.producer = self._make_producer(None)
                producer.close(0)
            return self._ready_producer()

    def _make_producer(self, transactional_id: str | None) -> Producer:
        return Producer(self.connection, self._terms.timeout_seconds, transactional_id)

    def _as_told(self, subscription: Subscription) -> Subscription:
        return replace(subscription, keyed_output=subscription.output_topic in self._keyed)

    def _ensure(self, topics: set[str]) -> None:
        if topics - self._topics:
            seconds = self._terms.timeout_seconds
            new = sorted(topics - self._topics)
            ensure_topics(self.connection, new, seconds=seconds)
            self._keyed |= compacted(self.connection, new, seconds=seconds)
            self._topics |= topics


class _Queue:
    """Who sends to a topic, one after the other. Who waited behind one that could not send fails as it did.

    Else the later event would be sent, and arrive before the earlier one, when that is sent anew.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._failures = 0
        self._error: Exception | None = None

    @contextlib.asynccontextmanager
    async def turn(self, producer: Callable[[], Awaitable[Producer]]) -> AsyncIterator[Producer]:
        """Wait for one's turn and for a producer, and hold the turn while it is used."""
        entered = self._failures
        with self._failing_together():
            await self._lock.acquire()
        try:
            if self._failures > entered and self._error is not None:
                raise self._error
            with self._failing_together():
                ready = await producer()
            yield ready
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _failing_together(self) -> Iterator[None]:
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            given_up = KafkaTimeoutError("an event that was to be sent before it was given up")
            self._failures, self._error = self._failures + 1, error if isinstance(error, Exception) else given_up
            raise


def _look_at_nothing(step: str) -> None:
    """Nobody observes."""
