"""Topics: made when they are missing, and asked how far they go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from kafka.admin import ConfigResource
from kafka.errors import KafkaError, TopicAlreadyExistsError

from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.properties import PARTITIONS

COMPACTED = {"cleanup.policy": "compact"}
"""For topics in which the latest record of a key replaces the older ones."""

DEAD_LETTERS = ".dlq"


def dead_letters_of(topic: str) -> str:
    """The topic that keeps what could not be read or processed from this one."""
    return topic + DEAD_LETTERS


def ensure_topics(
    connection: Connection,
    topics: Iterable[str],
    *,
    partitions: int = PARTITIONS,
    configs: Mapping[str, str] | None = None,
    seconds: float = 10.0,
) -> None:
    """Create those that do not exist, and return when each has a leader. Raises BrokerError.

    configs: of the new topics, such as COMPACTED; copies are as many as the cluster makes by default. seconds: that
    Kafka may take to answer.
    """
    with admin(connection, seconds=seconds) as client:
        there = set(client.list_topics())
        absent = [topic for topic in dict.fromkeys(topics) if topic not in there]
        for topic in absent:
            options = {"num_partitions": partitions, "replication_factor": -1, "configs": dict(configs or {})}
            try:
                client.create_topics({topic: options})
            except TopicAlreadyExistsError:
                continue  # another instance was quicker
        if absent:
            client.wait_for_topics(absent)


def compacted(connection: Connection, topics: Iterable[str], *, seconds: float = 10.0) -> set[str]:
    """Those that keep the latest record of each key, and take none without one. Raises BrokerError.

    Where Kafka does not tell us, because we may not ask, none is said to be.
    """
    with admin(connection, seconds=seconds) as client, contextlib.suppress(KafkaError):
        asked = [ConfigResource("topic", topic, {"cleanup.policy": None}) for topic in topics]
        told = client.describe_configs(asked, config_filter="all")["topic"]
        return {topic for topic, found in told.items() if "compact" in found["cleanup.policy"]["value"]}
    return set()
