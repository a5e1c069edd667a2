"""What the lab's producer puts right in kafka-python's: here, order when records are given up."""

from __future__ import annotations

from time import monotonic

import pytest
from kafka.errors import KafkaTimeoutError
from kafka.structs import TopicPartition

from recsys_lab.kafka import Connection, LocalKafka
from recsys_lab.kafka.producers import Producer

pytestmark = pytest.mark.integration


def test_records_behind_one_that_is_given_up_are_given_up_with_it(kafka: LocalKafka, topic: str) -> None:
    """Else they would be sent, and arrive before it when it is sent anew."""
    nowhere, elsewhere = TopicPartition(topic, 0), TopicPartition(topic, 1)  # nobody knows the topic: they wait
    full = b"x" * 16_000  # of a batch
    producer = Producer(Connection(kafka.bootstrap_servers), 5.0)
    try:
        append, now = producer._accumulator.append, monotonic()
        old, *_ = append(nowhere, 0, b"ann", full, [], now=now - 4.5)
        behind, *_ = append(nowhere, 0, b"ann", full, [], now=now)
        alone, *_ = append(elsewhere, 0, b"bob", full, [], now=now)

        for future in (old, behind):
            with pytest.raises(KafkaTimeoutError):
                future.get(3)

        assert monotonic() - now < 3
        assert not alone.is_done
    finally:
        producer.close()
