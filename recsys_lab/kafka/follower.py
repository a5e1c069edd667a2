"""A follower: reads a whole topic, in order, outside of any group, and says how far it has come.

Members of a group share a topic between them; followers each read all of it. So whatever is a fold over the topic is
the same in every instance: replicated state needs nothing but a log and a position.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from recsys_lab.errors import LabError
from recsys_lab.kafka.connection import Connection, opened

POLL_MS = 250
RETRY_SECONDS = 0.5
KEPT_REJECTED = 100


class TopicFollower:
    """Gives every committed record of a topic to `on_record`, on a thread of its own, partition by partition in order.

    last: begin with so many last records of each partition, instead of the first one. A record for which `on_record`
    raises is kept in `rejected`, with the error, and passed over.
    """

    def __init__(
        self, connection: Connection, topic: str, on_record: Callable[[Any], None], *, last: int | None = None
    ) -> None:
        self.topic = topic
        self.positions: dict[int, int] = {}
        self.error: BaseException | None = None
        self.rejected: deque[tuple[Any, Exception]] = deque(maxlen=KEPT_REJECTED)
        self._connection, self._on_record, self._last = connection, on_record, last
        self._moved = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follower-{topic}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; returns when the thread has ended. Safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def has_reached(self, offsets: Mapping[int, int]) -> bool:
        """Whether all records before these offsets (partition → offset) have been handled."""
        return all(self.positions.get(partition, -1) >= offset for partition, offset in offsets.items())

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether the condition held within so many seconds; it is looked at after every batch of records."""
        with self._moved:
            return self._moved.wait_for(lambda: condition() or self._stopping.is_set(), seconds)

    async def reach(self, offsets: Mapping[int, int], seconds: float) -> bool:
        """Wait for `has_reached`, without holding up the event loop."""
        if self.has_reached(offsets):
            return True
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self.wait_for, lambda: self.has_reached(offsets), seconds)

    def wait_for_the_end(self, seconds: float, look: Callable[[int, int], None] | None = None) -> None:
        """Return when everything that the topic held at the first look has been handled.

        look: called now and then with (records handled, records to handle). Raises BrokerError when it takes longer,
        and LabError when the follower is stopped before.
        """
        deadline = monotonic() + seconds
        while not self.wait_for(self._is_at_the_end, 0.25):
            if look is not None and self._ends:
                look(sum(self.positions.values()), sum(self._ends.values()))
            if monotonic() > deadline:
                error = self.error or TimeoutError(f"not within {seconds:g} s")
                raise self._connection.failed(f"{self.topic} could not be read to its end", error)
        if self._stopping.is_set() and not self._is_at_the_end():
            raise LabError(f"{self.topic} was not read to its end: its follower was stopped.")

    # -- the thread --

    _ends: Mapping[int, int] = {}

    def _is_at_the_end(self) -> bool:
        return bool(self._ends) and self.has_reached(self._ends)

    def _run(self) -> None:
        while not self._stopping.is_set():
            consumer = None
            try:
                consumer = self._opened()
                while not self._stopping.is_set():
                    self._turn(consumer)
            except KafkaError as error:  # away: go on from the position, when it is back
                self.error = error
                self._stopping.wait(RETRY_SECONDS)
            finally:
                if consumer is not None:
                    _close(consumer)
        with self._moved:
            self._moved.notify_all()

    def _opened(self) -> KafkaConsumer:
        consumer = opened(
            KafkaConsumer,
            **self._connection.client(),
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_poll_records=2_000,
        )
        try:
            self._seek(consumer)
        except BaseException:
            _close(consumer)
            raise
        return consumer

    def _seek(self, consumer: KafkaConsumer) -> None:
        numbers = consumer.partitions_for_topic(self.topic) or set()
        partitions = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        begin, end = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        for partition in partitions:
            first = begin[partition] if self._last is None else max(begin[partition], end[partition] - self._last)
            consumer.seek(partition, self.positions.setdefault(partition.partition, first))
        self._ends = {partition.partition: end[partition] for partition in partitions}

    def _turn(self, consumer: KafkaConsumer) -> None:
        for records in consumer.poll(POLL_MS).values():
            for record in records:
                try:
                    self._on_record(record)
                except Exception as error:  # a stranger's record must not end what everybody waits for
                    self.rejected.append((record, error))
        with self._moved:
            for partition in consumer.assignment():
                self.positions[partition.partition] = consumer.position(partition)
            self._moved.notify_all()


def _close(consumer: KafkaConsumer) -> None:
    with contextlib.suppress(KafkaError, OSError):
        consumer.close(autocommit=False, timeout_ms=1_000)
