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
from math import factorial, prod
from time import monotonic, sleep
from typing import Any, NamedTuple

import pandas as pd
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from recsys_lab.errors import BrokerError, InvalidEvent, shorten
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topic, quiet_client, read_topic
from recsys_lab.kafka.connection import Connection, admin

PARTITIONS = 3
USERS = ("ann", "bob", "cas", "dan", "dee", "gus", "eve", "joe")
ITEMS = ("lamp", "mug", "rug", "bag", "toy")
STEPS = 4

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


@quiet_client()
def partitions(servers: str, *, key: str = "user", users: int = 6, readers: int = 2) -> pd.DataFrame:
    """Four steps of each user, sent in turn to a topic of three partitions, and who of a group gets to read them.

    key: one of KEYS. users: 1 to 8. readers: consumers in the group. Without a key a producer deals its records out
    by lot; here the lot has a seed, so that you see the same as everybody.
    Columns: order (of sending), user, step, item, key, partition, offset, keyed_by, reader (from 1), readers, owners
    (the reader of each partition), orders (in how many orders that user's events can be read: 1 when all lie in one
    partition).
    """
    if key not in KEYS:
        raise InvalidEvent(f"key is {shorten(key)}; one of {', '.join(KEYS)} is needed.")
    if not 1 <= users <= len(USERS):
        raise InvalidEvent(f"users is {shorten(users)}; 1 to {len(USERS)} are needed.")
    topic = _published(servers, key, users)
    table, owners = _read(servers, topic), shares(servers, topic, readers)
    by_partition = tuple(owners[partition] for partition in range(PARTITIONS))
    return table.assign(
        keyed_by=key,
        reader=table["partition"].map(owners),
        readers=readers,
        owners=pd.Series([by_partition] * len(table), dtype=object),
        orders=table["user"].map({user: _orders(rows["partition"]) for user, rows in table.groupby("user")}),
    )


def _published(servers: str, key: str, users: int) -> str:
    topic, lot = fresh_topic(servers, "visits", partitions=PARTITIONS), random.Random(7)
    producer = KafkaProducer(**Connection.resolve(servers).client(), acks="all", linger_ms=5)
    try:
        for order, visit in enumerate(_visits(users)):
            chosen = KEYS[key](visit)
            drawn = lot.randrange(PARTITIONS) if chosen is None else None
            value = f"{order} {visit.user} {visit.step} {visit.item}".encode()
            producer.send(topic, key=chosen and chosen.encode(), value=value, partition=drawn)
        producer.flush(10)
    finally:
        producer.close(timeout=5)
    return topic


def _visits(users: int) -> list[Visit]:
    names = USERS[:users]
    return [
        Visit(user, step + 1, ITEMS[(2 * number + step) % len(ITEMS)])
        for step in range(STEPS)
        for number, user in enumerate(names)
    ]


def _read(servers: str, topic: str) -> pd.DataFrame:
    found = read_topic(servers, topic)
    fields = found["value"].str.split(" ", expand=True).set_axis(["order", "user", "step", "item"], axis=1)
    table = pd.concat([fields.astype({"order": int, "step": int}), found[["key", "partition", "offset"]]], axis=1)
    return table.sort_values("order", ignore_index=True)


def _orders(partitions: pd.Series) -> int:
    """In how many orders events can be read, when only those of one partition keep theirs."""
    counts = Counter(partitions).values()
    return factorial(sum(counts)) // prod(map(factorial, counts))


@quiet_client()
def shares(servers: str, topic: str, readers: int) -> dict[int, int]:
    """Partition → the reader (from 1) that Kafka gives it to, when so many join a group. Raises BrokerError."""
    connection, group, over = Connection.resolve(servers), fresh_name("readers"), threading.Event()
    threads = [
        threading.Thread(target=_be_a_member, args=(connection, topic, group, number, over), daemon=True)
        for number in range(1, readers + 1)
    ]
    for thread in threads:
        thread.start()
    try:
        return _settled(connection, group, readers)
    finally:
        over.set()
        for thread in threads:
            thread.join()


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


def _settled(connection: Connection, group: str, readers: int) -> dict[int, int]:
    """Ask the group's coordinator until all have joined and no partition is without a reader."""
    deadline = monotonic() + JOIN_SECONDS
    with admin(connection) as client:
        while monotonic() < deadline:
            try:
                owners = _owners(client.describe_groups([group])[group], readers)
            except KafkaError:
                owners = None  # the group does not exist yet
            if owners is not None and len(owners) == PARTITIONS:
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
