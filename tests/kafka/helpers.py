"""What the tests of the Kafka layer share: an independent client (librdkafka, by confluent-kafka) and patience."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import confluent_kafka
import psutil
from confluent_kafka.admin import AdminClient, NewTopic

import recsys_lab
from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from tests.builders import a_click

PATIENCE = 90.0
"""Seconds after which something that should happen is said not to; nothing is expected to need them."""

ROOT = Path(recsys_lab.__file__).parents[1]


class Kept(NamedTuple):
    """A record as the independent client reads it."""

    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    partition: int
    offset: int

    @property
    def event(self) -> Any:
        return StreamEvent.from_json(self.value or b"")


def eventually(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value of the condition; an AssertionError saying what did not happen."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


def make_topic(servers: str, topic: str, partitions: int = 3, **options: Any) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    for made in admin.create_topics([NewTopic(topic, partitions, **options)]).values():
        made.result(PATIENCE)


def write(servers: str, topic: str, records: Iterable[tuple[Any, ...]], **options: Any) -> None:
    """Write (key, value) or (key, value, headers) and wait until all are acknowledged."""
    refused: list[Any] = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": servers, "linger.ms": 5, "partitioner": "murmur2_random", **options}
    )
    for key, value, *headers in records:
        producer.produce(
            topic, key=key, value=value, headers=headers[0] if headers else None,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )  # fmt: skip
    assert producer.flush(PATIENCE) == 0
    assert not refused


def write_events(servers: str, topic: str, events: Iterable[StreamEvent]) -> None:
    write(servers, topic, [(event.user_id, event.to_json()) for event in events])


def read(servers: str, topic: str, *, first: Mapping[int, int] | None = None, **options: Any) -> list[Kept]:
    """All committed records that a topic holds now: partition by partition, in order.

    first: offsets from which to read, by partition.
    """
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "reader", "enable.auto.commit": False,
        "enable.partition.eof": True, "auto.offset.reset": "earliest", "isolation.level": "read_committed", **options,
    })  # fmt: skip
    try:
        found = consumer.list_topics(topic, timeout=PATIENCE).topics[topic]
        partitions = sorted(found.partitions)
        consumer.assign(
            [confluent_kafka.TopicPartition(topic, number, (first or {}).get(number, 0)) for number in partitions]
        )
        kept, open_partitions, deadline = [], set(partitions), time.monotonic() + PATIENCE
        while open_partitions:
            assert time.monotonic() < deadline, f"{topic} could not be read to its end"
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                headers = dict(message.headers() or [])
                kept.append(Kept(message.key(), message.value(), headers, message.partition(), message.offset()))
            elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
        return sorted(kept, key=lambda record: (record.partition, record.offset))
    finally:
        consumer.close()


def committed(servers: str, group: str, topic: str, partitions: int = 3) -> dict[int, int]:
    """The offsets that a group has committed, by partition; those never committed are left out."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": group})
    try:
        wanted = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]
        return {place.partition: place.offset for place in consumer.committed(wanted, PATIENCE) if place.offset >= 0}
    finally:
        consumer.close()


USERS = ("ann", "bob", "cid", "dan", "eve", "fay", "gus")
"""In three partitions, their events lie in all of them."""


def some_clicks(count: int) -> list[UserInteractionEvent]:
    """Clicks of several users in turn; the item, which has a number, tells them apart."""
    return [a_click(USERS[number % len(USERS)], f"item-{number}") for number in range(count)]


def items(events: Iterable[Any]) -> list[str]:
    return [event.item_id for event in events]


def by_user(events: Iterable[Any]) -> dict[str, list[str]]:
    """Each user's items in the order in which they come."""
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event.user_id, []).append(event.item_id)
    return found


DELIVERIES = ("at-least-once", "at-most-once", "exactly-once")


@contextmanager
def a_processor(kafka: LocalKafka | str, **options: Any) -> Iterator[KafkaStreamProcessor]:
    """A stream processor that is stopped in the end."""
    servers = kafka if isinstance(kafka, str) else kafka.bootstrap_servers
    processor = KafkaStreamProcessor(servers, **options)
    try:
        yield processor
    finally:
        processor.stop()


def produce(processor: KafkaStreamProcessor, topic: str, events: Iterable[StreamEvent]) -> list[tuple[int, int]]:
    """Send events all at once; where each came to lie."""

    async def send() -> list[tuple[int, int]]:
        return await asyncio.gather(*(processor.produce_event(topic, event) for event in events))

    processor.setup_producer()
    return asyncio.run(send())


async def copy(event: StreamEvent) -> StreamEvent:
    """A processor that hands on what it is given."""
    return event


def run(kafka: Any, topic: str, group: str, processor: Any, until: Any, **options: Any) -> dict[str, Any]:
    """Consume the topic until the condition holds; the metrics at the end."""
    output = options.pop("output_topic", None)
    with a_processor(kafka, **options) as running:
        running.setup_consumer(topic, group, processor, output_topic=output)
        running.start_consumers()
        eventually(until, "the records are consumed")
        running.stop()
        return running.metrics()


def collector(seen: list[Any]) -> Callable[[StreamEvent], Awaitable[None]]:
    """A processor that only remembers."""

    async def remember(event: StreamEvent) -> None:
        seen.append(event)

    return remember


def is_gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has fetched the exit code of has ended too)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def environment(**variables: str) -> dict[str, str]:
    """For a Python of its own that is to use this very package."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}
