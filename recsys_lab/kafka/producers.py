"""A producer that keeps its time limits while the broker is away.

kafka-python's own waits for ever in three transactional calls, and gives up closing (its thread goes on) when it still
holds records that nobody acknowledges. Both are put right here, by way of its inner parts; `tests/kafka` watches them.
And after a record that was sent, not acknowledged, and given up, or one that Kafka finds invalid, an idempotent one
never sends again: see `is_stuck`. It also gives up a record and still sends those that waited behind it, which then
arrive before it, when it is sent anew; here they are given up with it, so that order is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from kafka import KafkaProducer
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError
from kafka.producer.transaction_manager import TransactionState
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.serializer import Serializer
from kafka.structs import OffsetAndMetadata, TopicPartition

from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.records import key_bytes, value_bytes

CLOSING_SECONDS = 2.0

MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""The largest record that is sent, before it is compressed."""


class Producer(KafkaProducer):  # type: ignore[misc]
    """JSON values, text keys, acknowledged by all replicas, idempotent, gzip.

    seconds: how long each call may take. transactional_id: for one that works in transactions; the broker aborts one
    that is open for `transaction_seconds`.
    """

    def __init__(
        self,
        connection: Connection,
        seconds: float,
        transactional_id: str | None = None,
        *,
        transaction_seconds: float = 10.0,
    ) -> None:
        self._seconds = seconds
        milliseconds = int(seconds * 1000)
        transactional = {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": int(transaction_seconds * 1000),
        }
        super().__init__(
            **connection.client(seconds),
            **(transactional if transactional_id else {}),
            key_serializer=Keys(),
            value_serializer=Values(),
            acks="all",
            enable_idempotence=True,
            retries=2**31 - 1,  # the delivery timeout is the limit
            batch_size=16_384,
            linger_ms=10,
            compression_type="gzip",
            max_request_size=MAX_REQUEST_BYTES,
            max_block_ms=milliseconds,
            request_timeout_ms=milliseconds // 2,
            delivery_timeout_ms=milliseconds,
        )
        self._give_up_in_order()

    def knows(self, topic: str) -> bool:
        """Whether `send` to this topic returns at once, because its partitions are known."""
        return self._metadata.partitions_for_topic(topic) is not None

    @property
    def is_stuck(self) -> bool:
        """Whether it will never send again; then a new producer is needed.

        It has dropped its producer id and asks for no other, or has met an error that it takes for its end.
        """
        manager = self._transaction_manager
        without_id = manager._current_state == TransactionState.READY and not manager.has_producer_id()
        return without_id or manager.has_fatal_error()

    def send_offsets_to_transaction(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: Any) -> None:
        """As in kafka-python; raises KafkaTimeoutError when there is no answer in time."""
        self._wait(self._transactions.send_offsets_to_transaction(offsets, group), "offsets were not added")

    def commit_transaction(self) -> None:
        """As in kafka-python; raises KafkaTimeoutError when there is no answer in time, and it may be committed."""
        self._wait(self._transactions.begin_commit(), "the commit was not confirmed")

    def abort_transaction(self) -> None:
        """As in kafka-python; raises KafkaTimeoutError when there is no answer in time."""
        self._wait(self._transactions.begin_abort(), "the abort was not confirmed")

    def close(self, timeout: float | None = CLOSING_SECONDS, null_logger: bool = False) -> None:
        """Send what it holds, as far as that goes within so many seconds, and end its thread. Safe to call twice."""
        sender = getattr(self, "_sender", None)
        if sender is None:
            return  # it was never made in full
        with contextlib.suppress(KafkaError):
            super().close(timeout, null_logger)
        if sender.is_alive():
            sender.force_close()
            sender.join(self._seconds)
            with contextlib.suppress(KafkaError):
                super().close(0, null_logger)

    def _give_up_in_order(self) -> None:
        accumulator, sender = self._accumulator, self._sender
        outcome = sender._dispatch_error  # of a batch that failed: sent again, split, or given up

        def with_those_behind(batch: Any, exception: Exception, partition_response: Any) -> None:
            was_at_work = batch.final_state is None
            outcome(batch, exception, partition_response)
            if not was_at_work or batch.final_state is None:
                return
            with accumulator._tp_lock(batch.topic_partition):
                queue = accumulator._batches[batch.topic_partition]
                behind = list(queue)
                queue.clear()
                for waiting in behind:
                    waiting.records.close()
            for waiting in behind:  # not by `outcome`, which would send again what was never sent
                if waiting.complete_exceptionally(exception, lambda _: exception):
                    accumulator.deallocate(waiting)

        sender._dispatch_error = with_those_behind

    @property
    def _transactions(self) -> Any:
        if self._transaction_manager is None or not self._transaction_manager.is_transactional():
            raise IllegalStateError("this producer has no transactional_id.")
        return self._transaction_manager

    def _wait(self, result: Any, otherwise: str) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=self._seconds * 1000):
            raise KafkaTimeoutError(f"{otherwise} within {self._seconds:g} s")


def fits(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> bool:
    """Whether a producer takes such a record."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
    return size <= MAX_REQUEST_BYTES


class Keys(Serializer):  # type: ignore[misc]
    """Keys as Kafka keeps them."""

    def serialize(self, topic: str, headers: Any, data: Any) -> bytes | None:
        return key_bytes(data)


class Values(Serializer):  # type: ignore[misc]
    """Values as Kafka keeps them."""

    def serialize(self, topic: str, headers: Any, data: Any) -> bytes | None:
        return value_bytes(data)
