"""Refusals: when Kafka will never take what came of a record.

A topic may take less than what is sent to it. Such a record cannot be processed, so it becomes a dead letter. Which
record of a batch it was, Kafka does not tell for sure; so the batch is halved until that record is alone, and grows
again afterwards. Should even its dead letter be refused, its consumer stops, and says so: to go on would lose the
record, to try again would not end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kafka.errors import InvalidRecordError, InvalidTimestampError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.structs import TopicPartition

from recsys_lab.errors import BrokerError
from recsys_lab.kafka.topics import dead_letters_of

REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidRecordError, InvalidTimestampError)
"""What Kafka says of a record that it will never take, however often it is sent."""


class Undeliverable(BrokerError):
    """A dead letter that Kafka refuses."""


class Narrowing:
    """Finds the record of a batch that is refused. most: records of a batch, while nothing is refused."""

    def __init__(self, bootstrap_servers: str, most: int) -> None:
        self.most = most
        self._bootstrap_servers, self._usual = bootstrap_servers, most
        self._found: dict[tuple[TopicPartition, int], Exception] = {}

    def check(self, partition: TopicPartition, offset: int) -> None:
        """Raise the error with which Kafka refused what came of this record, if it did."""
        error = self._found.get((partition, offset))
        if error is not None:
            raise error

    def refused(self, batch: Mapping[TopicPartition, Sequence[Any]], error: Exception) -> None:
        """Take half as many records next time; a record that was alone is found. Raises Undeliverable."""
        tried = [(partition, record.offset) for partition, records in batch.items() for record in records]
        self.most = max(1, len(tried) // 2)
        if len(tried) > 1:
            return
        partition, offset = tried[0]
        if tried[0] in self._found:
            raise Undeliverable(
                f"{self._bootstrap_servers}: {partition.topic}-{partition.partition} stands at offset {offset}: Kafka "
                f"refuses its dead letter: {error}. Have {dead_letters_of(partition.topic)} take larger records "
                "(max.message.bytes), or move the group past that offset; then start the consumers again."
            ) from error
        self._found[tried[0]] = error

    def went_through(self, done: Mapping[TopicPartition, int]) -> None:
        """Take more again. done: the next offset of each partition."""
        self.most = min(2 * self.most, self._usual)
        self._found = {at: error for at, error in self._found.items() if at[1] >= done.get(at[0], 0)}
