"""Events to experiment with: numbered visits, one second apart, the same on every run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from kafka import KafkaProducer

from recsys_lab.events import UserInteractionEvent
from recsys_lab.kafka.connection import Connection
from recsys_lab.kafka.producers import Keys, Values
from recsys_lab.kafka.records import key_of

OPENS = datetime(2026, 1, 1, 9, tzinfo=timezone.utc)


def visit(number: int, user: str = "ann", item: str = "lamp") -> UserInteractionEvent:
    """Visit number so-and-so; its number is in its id, and in its data."""
    return UserInteractionEvent(
        event_id=f"visit-{number:03d}",
        timestamp=OPENS + timedelta(seconds=number),
        user_id=user,
        item_id=item,
        interaction_type="view",
        data={"number": number},
    )


def visits_producer(servers: str, **settings: object) -> KafkaProducer:
    """A producer of events under their user's key. settings: as kafka-python calls them."""
    client = Connection.resolve(servers).client()
    return KafkaProducer(**client, key_serializer=Keys(), value_serializer=Values(), **{"acks": "all", **settings})


def send_visits(servers: str, topic: str, visits: list[UserInteractionEvent]) -> None:
    """Send events in this order, and return when all are acknowledged."""
    producer = visits_producer(servers, linger_ms=5)
    try:
        sent = [producer.send(topic, key=key_of(event), value=event) for event in visits]
        for each in sent:
            each.get(10)
    finally:
        producer.close(timeout=5)
