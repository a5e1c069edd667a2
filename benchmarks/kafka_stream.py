"""The stream processor on Kafka beside bare kafka-python, on the same broker, over the same records, in turns.

Consumed: a poll loop that only decodes JSON, against ours with an event built and checked from each record, a processor
awaited, and offsets committed by the chosen guarantee. Produced: `KafkaProducer.send` with the same settings, against
`produce_event`, each call awaited until it is acknowledged. DESIGN asks for at least half a bare loop when consuming.

    python -m benchmarks.kafka_stream
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone
from statistics import median
from threading import Event
from time import perf_counter
from typing import Any

from kafka import KafkaConsumer

from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from recsys_lab.kafka.processor import DELIVERIES

EVENTS = 100_000
ROUNDS = 5
REACH = 0.5
TOPIC = "clicks"
MIDNIGHT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def rows(events: int = EVENTS, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """A row for producing, and one for consuming in each guarantee: medians of the rounds, and of their ratios."""
    produced: list[tuple[float, float]] = []
    consumed: dict[str, list[tuple[float, float]]] = {delivery: [] for delivery in DELIVERIES}
    with LocalKafka() as kafka:
        servers = kafka.bootstrap_servers
        asyncio.run(_produced(servers, TOPIC, events))  # the log that all consumers read
        for _ in range(rounds):
            produced.append(
                (_bare_produced(servers, events // 5), asyncio.run(_produced(servers, "other", events // 5)))
            )
        for number in range(rounds):
            for delivery, pairs in consumed.items():
                name = f"{delivery}-{number}"
                pairs.append((_bare_consumed(servers, name, events), _consumed(servers, name, delivery, events)))
    table = [_row("produced and acknowledged", "KafkaProducer.send", produced)]
    for delivery, pairs in consumed.items():
        reach = REACH if delivery == "at-least-once" else None
        table.append(_row(f"consumed, {delivery}", "poll and json.loads", pairs, reach))
    return table


def _row(what: str, yardstick: str, pairs: list[tuple[float, float]], reach: float | None = None) -> dict[str, Any]:
    ratio = median(ours / bare for bare, ours in pairs)
    return {
        "what": what,
        "yardstick": yardstick,
        "ours_per_s": round(median(ours for _, ours in pairs)),
        "yardstick_per_s": round(median(bare for bare, _ in pairs)),
        "ratio": round(ratio, 2),
        "reach": "" if reach is None else f">= {reach} x",
        "ok": "" if reach is None else ratio >= reach,
    }


def _event(number: int) -> UserInteractionEvent:
    return UserInteractionEvent(
        event_id=f"evt-{number:06d}", timestamp=MIDNIGHT, user_id=f"user-{number % 997}",
        item_id=f"item-{number % 4001}", interaction_type="click",
    )  # fmt: skip


async def _produced(servers: str, topic: str, events: int) -> float:
    """Events a second: a thousand calls are under way at any time."""
    processor = KafkaStreamProcessor(servers)
    processor.setup_producer()
    made = [_event(number) for number in range(events)]
    await processor.produce_event(topic, made[0])
    began = perf_counter()
    for start in range(0, events, 1_000):
        await asyncio.gather(*(processor.produce_event(topic, event) for event in made[start : start + 1_000]))
    seconds = perf_counter() - began
    processor.stop()
    return events / seconds


def _bare_produced(servers: str, events: int) -> float:
    processor = KafkaStreamProcessor(servers)
    processor.setup_producer()
    producer = processor.producer
    assert producer is not None
    made = [_event(number) for number in range(events)]
    producer.send("other", key="warm", value=made[0]).get(10)
    began = perf_counter()
    for event in made:
        producer.send("other", key=event.user_id, value=event)
    producer.flush()
    seconds = perf_counter() - began
    processor.stop()
    return events / seconds


def _bare_consumed(servers: str, name: str, events: int) -> float:
    """Records a second, from the first one that arrives."""
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=servers,
        group_id=f"bare-{name}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    consumed, began = 0, 0.0
    while consumed < events:
        for records in consumer.poll(1_000).values():
            began = began or perf_counter()
            for record in records:
                json.loads(record.value)
            consumed += len(records)
    seconds = perf_counter() - began
    consumer.close(autocommit=False)
    return consumed / seconds


def _consumed(servers: str, name: str, delivery: str, events: int) -> float:
    """The same with a stream processor, until the last batch is committed."""
    began = ended = 0.0
    seen = 0
    done = Event()

    async def count(event: StreamEvent) -> None:
        nonlocal began, seen
        began = began or perf_counter()
        seen += 1

    def observe(step: str) -> None:
        nonlocal ended
        if seen >= events and step == ("processed" if delivery == "at-most-once" else "committed"):
            ended = ended or perf_counter()
            done.set()

    processor = KafkaStreamProcessor(servers, delivery=delivery, observe=observe)
    processor.setup_consumer(TOPIC, f"ours-{name}", count)
    processor.start_consumers()
    done.wait(120)
    processor.stop()
    return seen / (ended - began)


if __name__ == "__main__":
    print(*rows(), sep="\n")
