"""What must not be lost, doubled or turned round when something fails: sender, queue, consumer, each at one weak spot."""

from __future__ import annotations

import pytest
from kafka.errors import NotEnoughReplicasError
from kafka.structs import TopicPartition

from recsys_lab.kafka import Connection
from recsys_lab.kafka.producers import Producer

pytestmark = pytest.mark.integration


# -- sending ------------------------------------------------------------------------------------------------------


def test_records_behind_one_that_is_refused_for_good_are_given_up_with_it(kafka, topic):
    nowhere, elsewhere = TopicPartition(topic, 0), TopicPartition(topic, 1)  # nobody knows the topic: they wait
    producer = Producer(Connection(kafka.bootstrap_servers), 30.0)
    try:
        accumulator, full = producer._accumulator, b"x" * 16_000  # of a batch
        futures = [accumulator.append(nowhere, 0, b"ann", full, [])[0] for _ in range(3)]
        alone, *_ = accumulator.append(elsewhere, 0, b"bob", full, [])
        with accumulator._tp_lock(nowhere):
            first = accumulator._batches[nowhere].popleft()
            first.records.close()
        assert len(accumulator._batches[nowhere]) == 2
        first.attempts = producer.config["retries"]

        producer._sender._dispatch_error(first, NotEnoughReplicasError("one is missing"), None)

        for future in futures:
            with pytest.raises(NotEnoughReplicasError, match="one is missing"):
                future.get(1)
        assert not alone.is_done
        assert [batch.topic_partition for batch in accumulator._incomplete.all()] == [elsewhere]
    finally:
        producer.close()
