"""The recommender as a dataflow from Kafka to Kafka: purchases in one topic, recommendations in another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pandas as pd
from kafka import KafkaProducer

from recsys_lab.experiments.on_flink.shop_job import interactions_of
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topic, read_topic
from recsys_lab.flink import FlinkRecommendationJob, FlinkStreamProcessor, KafkaSink, KafkaSource, RestartStrategies
from recsys_lab.kafka.connection import Connection

PARTITIONS = 1
"""One order of all purchases. With several, a reader of two of them would make one late by the other."""


def purchases_topic(servers: str, purchases: pd.DataFrame) -> str:
    """A new topic with these purchases, under the user's key, in order of time; gives its name.

    purchases: as `datasets.load` gives them.
    """
    topic = fresh_topic(servers, "purchases", partitions=PARTITIONS)
    producer = KafkaProducer(**Connection.resolve(servers).client(), acks="all", linger_ms=20)
    try:
        sent = [
            producer.send(topic, key=row["user_id"].encode(), value=msgspec.json.encode(row))
            for row in interactions_of(purchases)
        ]
        producer.flush(60)
        for future in sent:
            future.get(0)  # raises what was refused: a topic that lacks a purchase would make two jobs differ
    finally:
        producer.close(timeout=5)
    return topic


def shop_between_topics(
    servers: str, topic: str, *, parallelism: int = 2, checkpoint_interval: float = 1.0, restarts: int = 5
) -> tuple[FlinkRecommendationJob, str]:
    """The job from this topic to a new one, built and not yet run; and the name of the new one.

    topic: of `purchases_topic`. checkpoint_interval: seconds. restarts: so many failures are survived.
    """
    output = fresh_topic(servers, "recommendations", partitions=PARTITIONS)
    processor = FlinkStreamProcessor(
        parallelism, checkpoint_interval, restart_strategy=RestartStrategies.fixed_delay_restart(restarts, 200)
    )
    sink = KafkaSink(output, servers, key=_user_of, transactional_id=fresh_name("recommender"))
    job = FlinkRecommendationJob(processor, source=KafkaSource(topic, servers, name="purchases"), sink=sink)
    job.create_recommendation_pipeline()
    return job, output


def committed(servers: str, topic: str) -> Counter[str]:
    """The records of a topic that a reader of committed ones gets, as text, with how often it gets each."""
    return Counter(read_topic(servers, topic)["value"])


def _user_of(recommendation: dict[str, Any]) -> str:
    user: str = recommendation["user_id"]
    return user
