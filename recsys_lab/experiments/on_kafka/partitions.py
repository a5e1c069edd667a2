"""Partitions: what a record's key decides, and what a group of readers makes of it.

A few users do four things each, in turn. Their events go through a real topic of three partitions, under one key or
another, and a real group of consumers shares the partitions. What order is kept then follows from where records lie:
inside a partition they are read in order; between partitions Kafka promises nothing.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from math import factorial, prod
from time import monotonic, sleep
from typing import Any, NamedTuple

import pandas as pd
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from recsys_lab.errors import BrokerError, InvalidEvent, shorten
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topics, quiet_client, read_topics
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.threads import alongside

PARTITIONS = 3
USERS = ("ann", "bob", "cas", "dan", "dee", "gus", "eve", "joe")
ITEMS = ("lamp", "mug", "rug", "bag", "toy")
STEPS = 4
MOST_READERS = 4
CROWDS = (2, 4, 6, 8)
"""So many users can be asked for."""

JOIN_SECONDS = 30.0


class Visit(NamedTuple):
    """A user's step number `step`, on an item."""

    user: str
    step: int
    item: str


KEYS: dict[str, Callable[[Visit], str | None]] = {
    "user": lambda visit: visit.user,
    "item": lambda visit: visit.item,
    "none": lambda visit: None,
    "one for all": lambda visit: "shop",
}
"""Ways to choose a key."""


class Explored(NamedTuple):
    """What lies where, and who reads it. records: of all choices. owners: readers → the reader of each partition."""

    records: pd.DataFrame
    owners: dict[int, tuple[int, ...]]


@quiet_client()
def explore_partitions(servers: str) -> Explored:
    """Four steps of each of 2, 4, 6 or 8 users, sent in turn, under each of KEYS; and real groups of 1 to 4 readers.

    Every choice has a topic of its own, of three partitions; it takes a few seconds. Without a key a producer deals its
    records out by lot; here the lot has a seed, so that you see the same as everybody.
    Columns of the records: keyed_by, users, order (of sending), user, step, item, key, partition, offset.
    """
    choices = [(key, users) for key in KEYS for users in CROWDS]
    names = fresh_topics(servers, "visits", len(choices), partitions=PARTITIONS)
    topics = dict(zip(choices, names, strict=True))
    producer = KafkaProducer(**Connection.resolve(servers).client(), acks="all", linger_ms=5)
    try:
        for (key, users), topic in topics.items():
            _send(producer, topic, KEYS[key], users)
        producer.flush(30)
    finally:
        producer.close(timeout=5)
    found = read_topics(servers, topics.values()).merge(
        pd.DataFrame([(topic, *choice) for choice, topic in topics.items()], columns=["topic", "keyed_by", "users"])
    )
    fields = found["value"].str.split(" ", expand=True).set_axis(["order", "user", "step", "item"], axis=1)
    places = found[["keyed_by", "users", "key", "partition", "offset"]]
    records = pd.concat([places, fields.astype({"order": int, "step": int})], axis=1)
    owners = {readers: shares(servers, names[0], readers) for readers in range(1, MOST_READERS + 1)}
    return Explored(records, owners)


def partitions(explored: Explored, *, key: str = "user", users: int = 6, readers: int = 2) -> pd.DataFrame:
    """One choice of what was explored: the records of so many users under that key, and who of the group reads them.

    key: one of KEYS. users: one of CROWDS. readers: 1 to 4. Raises InvalidEvent.
    Columns: as the records', and reader (from 1), readers, owners (the reader of each partition), orders (in how many
    orders that user's events can be read: 1 when all lie in one partition).
    """
    for name, value, known in (("key", key, KEYS), ("users", users, CROWDS), ("readers", readers, explored.owners)):
        if value not in known:
            raise InvalidEvent(f"{name} is {shorten(value)}; one of {', '.join(map(str, known))} is needed.")
    records, owners = explored.records, explored.owners[readers]
    chosen = records[(records["keyed_by"] == key) & (records["users"] == users)]
    table = chosen.sort_values("order", ignore_index=True)
    return table.assign(
        reader=table["partition"].map(dict(enumerate(owners))),
        readers=readers,
        owners=pd.Series([owners] * len(table), dtype=object),
        orders=table["user"].map({user: _orders(rows["partition"]) for user, rows in table.groupby("user")}),
    )


def _send(producer: KafkaProducer, topic: str, key: Callable[[Visit], str | None], users: int) -> None:
    lot = random.Random(7)
    for order, visit in enumerate(_visits(users)):
        chosen = key(visit)
        drawn = lot.randrange(PARTITIONS) if chosen is None else None
        value = f"{order} {visit.user} {visit.step} {visit.item}".encode()
        producer.send(topic, key=chosen and chosen.encode(), value=value, partition=drawn)


def _visits(users: int) -> list[Visit]:
    names = USERS[:users]
    return [
        Visit(user, step + 1, ITEMS[(2 * number + step) % len(ITEMS)])
        for step in range(STEPS)
        for number, user in enumerate(names)
    ]


def _orders(partitions: pd.Series) -> int:
    """In how many orders events can be read, when only those of one partition keep theirs."""
    counts = Counter(partitions).values()
    return factorial(sum(counts)) // prod(map(factorial, counts))


def shares(servers: str, topic: str, readers: int, *, partitions: int = PARTITIONS) -> tuple[int, ...]:
    """The reader (from 1) that Kafka gives each partition to, when so many join a group. Raises BrokerError.

    partitions: how many the topic has.
    """
    connection, group = Connection.resolve(servers), fresh_name("readers")
    with alongside(*(partial(_be_a_member, connection, topic, group, number) for number in range(1, readers + 1))):
        owners = _settled(connection, group, readers, partitions)
    return tuple(owners[partition] for partition in range(partitions))


def _be_a_member(connection: Connection, topic: str, group: str, number: int, over: threading.Event) -> None:
    consumer = KafkaConsumer(
        **connection.client(), client_id=f"reader-{number}", group_id=group, enable_auto_commit=False,
        heartbeat_interval_ms=100, session_timeout_ms=6_000,
    )  # fmt: skip
    try:
        consumer.partitions_for_topic(topic)
        consumer.subscribe([topic])
        while not over.is_set():
            consumer.poll(50)
    finally:
        consumer.close(autocommit=False)


def _settled(connection: Connection, group: str, readers: int, partitions: int) -> dict[int, int]:
    """Ask the group's coordinator until all have joined and no partition is without a reader."""
    deadline = monotonic() + JOIN_SECONDS
    with admin(connection) as client:
        while monotonic() < deadline:
            try:
                owners = _owners(client.describe_groups([group])[group], readers)
            except KafkaError:
                owners = None  # the group does not exist yet
            if owners is not None and len(owners) == partitions:
                return owners
            sleep(0.05)
    raise BrokerError(f"{connection.bootstrap_servers}: {readers} readers did not come together in {JOIN_SECONDS:g} s.")


def _owners(described: dict[str, Any], readers: int) -> dict[int, int] | None:
    """Who has which partition, by the description of the group; None while it is not complete."""
    members = described["members"]
    if described["group_state"] != "Stable" or len(members) != readers:
        return None
    return {
        partition: int(member["client_id"].rpartition("-")[2])
        for member in members
        for assigned in member["member_assignment"]["assigned_partitions"]
        for partition in assigned["partitions"]
    }
