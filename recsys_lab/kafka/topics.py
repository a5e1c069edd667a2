"""Topics: made when they are missing, and asked how far they go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Any

from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import InvalidReplicationFactorError, KafkaError, TopicAlreadyExistsError

from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.properties import PARTITIONS

POLICY = "cleanup.policy"

COMPACTED = {POLICY: "compact"}
"""For topics in which the latest record of a key replaces the older ones."""

DEAD_LETTERS = ".dlq"

_BEFORE_ASKING_AGAIN = 0.2
_LONGEST_UNTOLD = 2.0
"""Seconds. In answers, a topic that is not known yet cannot be told from one that we may not ask about."""


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
        options = {"num_partitions": partitions, "replication_factor": -1, "configs": dict(configs or {})}
        for topic in absent:
            _create(client, topic, options, monotonic() + seconds)
        if absent:
            client.wait_for_topics(absent)


def _create(client: KafkaAdminClient, topic: str, options: dict[str, Any], deadline: float) -> None:
    """Create a topic, or find that another instance was quicker.

    A broker that was busy for some seconds counts as away, and leaves too few for the copies: mostly it is soon back.
    """
    while True:
        try:
            client.create_topics({topic: options})
        except TopicAlreadyExistsError:
            return
        except InvalidReplicationFactorError:
            if monotonic() > deadline:
                raise
            sleep(_BEFORE_ASKING_AGAIN)
        else:
            return


def compacted(connection: Connection, topics: Iterable[str], *, seconds: float = 10.0) -> set[str]:
    """Those that keep the latest record of each key, and take none without one. Raises BrokerError.

    Where Kafka does not tell us, because we may not ask, none is said to be.
    """
    found: set[str] = set()
    waiting = set(topics)
    deadline = monotonic() + min(seconds, _LONGEST_UNTOLD)
    with admin(connection, seconds=seconds) as client, contextlib.suppress(KafkaError):
        while waiting:
            asked = [ConfigResource("topic", topic, {POLICY: None}) for topic in sorted(waiting)]
            told = {
                topic: of for topic, of in client.describe_configs(asked, config_filter="all")["topic"].items() if of
            }
            found |= {topic for topic, of in told.items() if "compact" in of[POLICY]["value"]}
            waiting -= told.keys()
            if monotonic() > deadline:
                break
            if waiting:  # the broker that was asked may not know yet of a topic that was just made
                sleep(_BEFORE_ASKING_AGAIN)
    return found
