"""A consumer group at work: a second member joins, later leaves, and the lag tells how it goes.

Events come at a steady pace, faster than one member can handle. Lag is what a group's dashboard shows: the end of each
partition, less the offset that the group has committed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter, sleep
from typing import NamedTuple

import pandas as pd
from kafka.admin import OffsetSpec
from kafka.structs import TopicPartition

from recsys_lab.events import StreamEvent
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topic, quiet_client
from recsys_lab.experiments.on_kafka.visits import visit, visits_producer
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.processor import KafkaStreamProcessor
from recsys_lab.threads import alongside

PARTITIONS = 4
USERS = ("ann", "bob", "cas", "dan", "dee", "gus", "eve", "joe", "ida", "jim", "kim", "tom")
LOOK_EVERY = 0.1
MOST_SECONDS = 20.0
BATCH = 5


class Rebalance(NamedTuple):
    """What was seen. lag: a row for each look and partition. handled: a row for each event, in order of handling.

    lag: second, partition, owner ("A", "B", or "" while the group finds its order), lag. handled: second, member,
    user, number (of that user's events, in order of sending). changes: second → what happened.
    """

    lag: pd.DataFrame
    handled: pd.DataFrame
    changes: dict[float, str]


@quiet_client()
def rebalance(
    servers: str, *, per_second: int = 42, work_ms: int = 30, seconds: float = 2.0, behind: int = 25
) -> Rebalance:
    """A alone until it is `behind`, then A and B until most of it is caught up, then A alone; events keep coming.

    per_second: events sent. work_ms: what a member needs for an event; it handles one at a time. seconds: at least for
    each of the three.
    """
    connection, group = Connection.resolve(servers), fresh_name("counters")
    topic = fresh_topic(servers, "visits", partitions=PARTITIONS)
    handled: list[tuple[float, str, str, int]] = []
    rows: list[tuple[float, int, str, int]] = []
    changes: dict[float, str] = {}
    with ExitStack() as stack:
        members = {name: _member(servers, topic, group, name, work_ms, handled) for name in "AB"}
        for member in members.values():
            stack.callback(member.stop)
        members["A"].start_consumers()
        members["A"].wait_until_joined()
        started = perf_counter()
        stack.enter_context(
            alongside(
                partial(_look, rows, connection, topic, group, members, started),
                partial(_send, topic, servers, per_second),
            )
        )
        _wait(lambda: _total(rows) >= behind, seconds)
        changes[perf_counter() - started] = "B joins"
        members["B"].start_consumers()
        _wait(lambda: _total(rows) < behind / 3, seconds)
        changes[perf_counter() - started] = "B leaves"
        members["B"].stop()
        _wait(lambda: all(owner == "A" for _, _, owner, _ in rows[-PARTITIONS:]), seconds)
    lag = pd.DataFrame(rows, columns=["second", "partition", "owner", "lag"])
    done = pd.DataFrame(handled, columns=["second", "member", "user", "number"])
    return Rebalance(lag, done.assign(second=done["second"] - started), changes)


def _total(rows: Sequence[tuple[float, int, str, int]]) -> int:
    """The group's lag at the last look."""
    return sum(lag for *_, lag in rows[-PARTITIONS:])


def _wait(condition: Callable[[], bool], least: float) -> None:
    """Return when it holds, after so many seconds at least, and 20 at most."""
    started = perf_counter()
    while perf_counter() - started < (MOST_SECONDS if not condition() else least):
        sleep(LOOK_EVERY / 2)


def _member(
    servers: str, topic: str, group: str, name: str, work_ms: int, handled: list[tuple[float, str, str, int]]
) -> KafkaStreamProcessor:
    """One member of the group, with one pair of hands."""
    processor = KafkaStreamProcessor(servers, max_poll_records=BATCH)
    hands: list[asyncio.Lock] = []

    async def work(event: StreamEvent) -> None:
        if not hands:
            hands.append(asyncio.Lock())
        async with hands[0]:
            await asyncio.sleep(work_ms / 1000)
            number = event.data["number"]
            handled.append((perf_counter(), name, str(event.user_id), number))

    processor.setup_consumer(topic, group, work)
    return processor


def _send(topic: str, servers: str, per_second: int, over: threading.Event) -> None:
    """Events at a steady pace, of all users in turn, until it is over."""
    producer = visits_producer(servers)
    try:
        started, sent = perf_counter(), 0
        while not over.wait(max(0.0, started + sent / per_second - perf_counter())):
            event = visit(sent // len(USERS), USERS[sent % len(USERS)])
            producer.send(topic, key=event.user_id, value=event)
            sent += 1
    finally:
        producer.close(timeout=5)


def _look(
    rows: list[tuple[float, int, str, int]],
    connection: Connection,
    topic: str,
    group: str,
    members: dict[str, KafkaStreamProcessor],
    started: float,
    over: threading.Event,
) -> None:
    """Ask Kafka for ends and committed offsets, and the members for what they have, ten times a second."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    latest = dict.fromkeys(partitions, OffsetSpec.LATEST)
    with admin(connection) as client:
        while not over.wait(LOOK_EVERY):
            ends = client.list_partition_offsets(latest)
            committed = client.list_group_offsets([group])[group]
            second = perf_counter() - started
            owners = {held: name for name, member in members.items() for held in member.metrics()["lag"]}
            for where in partitions:
                done = max(0, committed[where].offset) if where in committed else 0
                owner = owners.get(f"{topic}-{where.partition}", "")
                rows.append((second, where.partition, owner, ends[where].offset - done))
