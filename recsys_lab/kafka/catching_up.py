"""Catching up: how an answer comes to reflect all that was acknowledged before it was asked for.

A request and an interaction travel through different topics, so the one that was sent later may arrive earlier. Before
it answers, an instance therefore asks Kafka how far the topics go, and waits until its engine has folded as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import TopicPartition

from recsys_lab.kafka.connection import Connection, opened
from recsys_lab.kafka.follower import TopicFollower
from recsys_lab.kafka.records import Source

PATIENCE_SECONDS = 2.0
"""So long an answer waits; then it is given all the same, and counted in `behind`."""

LOOK_AGAIN_SECONDS = 0.1


class Folded:
    """Which records of the source topics are in the engine: a position for each of their partitions."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}

    def is_new(self, source: Source) -> bool:
        """Whether this record is not in yet; from now on it is."""
        place = (source.topic, source.partition)
        if source.offset < self._next.get(place, 0):
            return False
        self._next[place] = source.offset + 1
        return True

    def holds(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether all records before these offsets are in."""
        return all(self._next.get(tuple(where), 0) >= end for where, end in ends.items())


class CatchingUp:
    """Waits until `folded`, filled by a follower of `changelog`, holds all that `topics` held at the time of asking.

    groups: topic → the group that brings its records to the changelog. Runs on a thread of its own.
    """

    def __init__(
        self, connection: Connection, follower: TopicFollower, folded: Folded, groups: Mapping[str, str]
    ) -> None:
        self.behind = 0
        self._connection, self._follower, self._folded, self._groups = connection, follower, folded, groups
        self._admin = opened(KafkaAdminClient, **connection.client())
        self._thread = ThreadPoolExecutor(1, "kafka-catching-up")
        self._closing = threading.Event()
        try:
            self._partitions = {topic: self._partitions_of(topic) for topic in (*groups, follower.topic)}
        except BaseException:
            self.close()
            raise

    async def __call__(self) -> None:
        """Return when all is in. Raises BrokerError when Kafka does not answer."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._catch_up)

    def close(self) -> None:
        """Let go of the connection."""
        self._closing.set()
        self._thread.shutdown()
        self._admin.close()

    def _catch_up(self) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        wanted = self._ends(*self._groups)
        while not self._follower.wait_for(lambda: self._folded.holds(wanted), LOOK_AGAIN_SECONDS):
            if self._group_is_past(wanted):  # what is missing was set aside: dead letters never reach the changelog
                self._reach_the_end()
                return
            if monotonic() > deadline or self._closing.is_set():
                self.behind += 1
                return

    def _reach_the_end(self) -> None:
        end = {where.partition: offset for where, offset in self._ends(self._follower.topic).items()}
        self._follower.wait_for(lambda: self._follower.has_reached(end), PATIENCE_SECONDS)

    def _group_is_past(self, wanted: Mapping[TopicPartition, int]) -> bool:
        answer = self._ask(lambda admin: admin.list_group_offsets(list(self._groups.values())))
        committed = {where: position.offset for group in answer.values() for where, position in group.items()}
        return all(committed.get(where, 0) >= offset for where, offset in wanted.items())

    def _ends(self, *topics: str) -> dict[TopicPartition, int]:
        """The offset after the last acknowledged record of each partition."""
        specs = {where: OffsetSpec.LATEST for topic in topics for where in self._partitions[topic]}
        answer = self._ask(lambda admin: admin.list_partition_offsets(specs, IsolationLevel.READ_COMMITTED))
        return {where: found.offset for where, found in answer.items()}

    def _partitions_of(self, topic: str) -> list[TopicPartition]:
        described = self._ask(lambda admin: admin.describe_topics([topic]))[0]
        return [TopicPartition(topic, partition["partition_index"]) for partition in described["partitions"]]

    def _ask(self, question: Callable[[KafkaAdminClient], Any]) -> Any:
        try:
            return question(self._admin)
        except KafkaError as error:
            self._forget_coordinators()
            raise self._connection.failed("it did not say how far its topics go", error) from error

    def _forget_coordinators(self) -> None:
        """Have the next question find out anew which brokers answer for the groups.

        kafka-python's admin client keeps what it learned once, also when that broker has gone, and has no call to
        drop it.
        """
        with contextlib.suppress(AttributeError):
            self._admin._manager.cluster._coordinators.clear()
