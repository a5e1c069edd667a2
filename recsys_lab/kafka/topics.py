"""Topics: made when they are missing, and asked how far they go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka.errors import TopicAlreadyExistsError

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
) -> None:
    """Create those that do not exist, and return when each has a leader. Raises BrokerError.

    configs: of the new topics, such as COMPACTED; copies are as many as the cluster makes by default.
    """
    with admin(connection) as client:
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
