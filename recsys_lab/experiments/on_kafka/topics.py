"""Topics for experiments: new ones, and what stands in them from the first record to the last."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from recsys_lab.clock import IdSource
from recsys_lab.errors import BrokerError
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.topics import ensure_topics

POLLS = 200
"""Of 100 ms each: so long topics may take to be read to their ends."""

_names = IdSource(kind="unique")


def fresh_topic(servers: str, name: str, *, partitions: int = 3) -> str:
    """A topic that nobody used before, so that an experiment can be run again; gives its full name.

    name: what it begins with.
    """
    topic = fresh_name(name)
    ensure_topics(Connection.resolve(servers), [topic], partitions=partitions)
    return topic


def fresh_topics(servers: str, name: str, count: int, *, partitions: int = 3) -> list[str]:
    """Several of them, in one request. Raises BrokerError."""
    topics = [f"{fresh_name(name)}-{number}" for number in range(count)]
    with admin(Connection.resolve(servers)) as client:
        client.create_topics({topic: {"num_partitions": partitions, "replication_factor": -1} for topic in topics})
        client.wait_for_topics(topics)
    return topics


def fresh_name(name: str) -> str:
    """A name that nobody used before, for a topic or a group."""
    return f"{name}-{_names()}"


def read_topic(servers: str, topic: str) -> pd.DataFrame:
    """Everything in a topic that is committed, partition by partition, in order of offset.

    Columns: partition, offset, key, value (text both), headers (a dict of texts). Raises BrokerError.
    """
    return read_topics(servers, [topic]).drop(columns="topic")


def read_topics(servers: str, topics: Iterable[str]) -> pd.DataFrame:
    """As `read_topic`, for several; with a column `topic`."""
    rows = [
        (
            record.topic,
            record.partition,
            record.offset,
            _text(record.key),
            _text(record.value),
            {name: _text(value) for name, value in record.headers},
        )
        for record in _records(Connection.resolve(servers), topics)
    ]
    table = pd.DataFrame(rows, columns=["topic", "partition", "offset", "key", "value", "headers"])
    return table.sort_values(["topic", "partition", "offset"], ignore_index=True)


def _records(connection: Connection, topics: Iterable[str]) -> Iterator[Any]:
    consumer = KafkaConsumer(**connection.client(), isolation_level="read_committed", enable_auto_commit=False)
    try:
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        for _ in range(POLLS):
            if all(consumer.position(partition) >= end for partition, end in ends.items()):
                return
            for records in consumer.poll(100).values():
                yield from records
        behind = sorted({partition.topic for partition, end in ends.items() if consumer.position(partition) < end})
        raise BrokerError(f"{connection.bootstrap_servers}: {behind[0]} could not be read to its end; is Kafka well?")
    finally:
        consumer.close(autocommit=False)


@contextmanager
def quiet_client() -> Iterator[None]:
    """Where brokers are killed on purpose: the client's reports of lost connections are no news."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "backslashreplace")
