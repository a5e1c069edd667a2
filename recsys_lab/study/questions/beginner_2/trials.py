"""What comes of keys, acks and commit points on real brokers. Each trial gives what was seen, and judges nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from time import monotonic, sleep
from typing import Any, NamedTuple

import pandas as pd
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from recsys_lab.errors import BrokerError
from recsys_lab.experiments.on_kafka.guarantees import crashes
from recsys_lab.experiments.on_kafka.partitions import shares
from recsys_lab.experiments.on_kafka.replication import LEADER, led_topic, standing_still
from recsys_lab.experiments.on_kafka.topics import fresh_topics, read_topic
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.kafka.connection import Connection

PARTITIONS = 4
CONSUMERS = ("A", "B")
SOME = 20
"""Records that are sent while brokers stand still."""

FETCH_SECONDS = 0.7
"""So long a request for new records may be under way from a broker that copies; its answer would still arrive."""

FIRST_SECONDS = 0.3
"""For a record that goes before the others."""

STILL_SECONDS = 1.8
"""With those before, less than the three seconds after which a broker is taken for dead."""

MOST_SECONDS = 40.0

WORST_MOMENT = {"before": ("at-most-once", "record"), "after": ("at-least-once", "sent")}
"""For each commit point: what the lab calls it, and where a crash does most harm."""


class Handled(NamedTuple):
    """A record that a consumer handled. number: in order of sending, from 0."""

    consumer: str
    partition: int
    number: int


def handled(servers: str, keys: Mapping[str, Sequence[str | bytes | None]]) -> dict[str, list[list[Handled]]]:
    """Records under these keys, shared by a group of two consumers: what they handled, in order, in two runs.

    Between partitions Kafka promises no order, so a consumer may be behind with any of them. In the first run the
    partitions are worked off from the first to the last, in the second from the last to the first.
    keys: topic → key of each record, in order of sending.
    """
    topics = dict(zip(keys, fresh_topics(servers, "trial", len(keys), partitions=PARTITIONS), strict=True))
    _send(servers, {topics[name]: chosen for name, chosen in keys.items()})
    return {name: _in_two_runs(servers, topic) for name, topic in topics.items()}


def copies_after_a_crash(servers: str, commit: str) -> pd.Series:
    """How often each of 20 events stands in the other topic when the consumer was killed at the worst moment.

    commit: "before" the work is done or "after". Index: the event's number, from 1.
    """
    table = crashes(servers, [WORST_MOMENT[commit]])
    return table.set_index("event")["copies"]


def done_while_the_leader_stands_still(kafka: LocalKafka, acks: int | str) -> int:
    """Of 20 records that are sent to a leader that stands still, how many the producer calls done before it goes on."""
    topic = led_topic(kafka.bootstrap_servers, 2)
    producer = _producer(kafka.bootstrap_servers, acks)
    try:
        producer.send(topic, b"a first one, so that the producer knows the leader", partition=0).get(MOST_SECONDS)
        with standing_still([kafka.pids[LEADER]]):
            sent = [producer.send(topic, str(number).encode(), partition=0) for number in range(SOME)]
            _wait(sent, STILL_SECONDS)
            return sum(each.succeeded() for each in sent)
    finally:
        producer.close(timeout=MOST_SECONDS)


def lost_with_the_leader(kafka: LocalKafka, acks: int | str) -> tuple[list[int], int]:
    """Records that the producer called done and that are gone when the leader dies; and how many it called done.

    The two other brokers stand still for a moment, as in a garbage collection, when the leader is killed; then they go
    on, and one of them becomes the leader. The killed broker stays down.
    """
    topic = led_topic(kafka.bootstrap_servers, 2)
    producer = _producer(kafka.bootstrap_servers, acks)
    try:
        producer.send(topic, b"-1", partition=0).get(MOST_SECONDS)
        with standing_still(pid for broker, pid in enumerate(kafka.pids) if broker != LEADER):
            sleep(FETCH_SECONDS)
            _wait(
                [producer.send(topic, b"-1", partition=0)], FIRST_SECONDS
            )  # for a fetch that still waits: it takes this
            sent = [producer.send(topic, str(number).encode(), partition=0) for number in range(SOME)]
            _wait(sent, STILL_SECONDS - FIRST_SECONDS)
            early = sum(each.succeeded() for each in sent)
            kafka.kill(LEADER)
        _wait(sent, MOST_SECONDS)
    finally:
        producer.close(timeout=MOST_SECONDS)
    done = [number for number, each in enumerate(sent) if each.succeeded()]
    if not done or (acks != "all" and not early):  # the leader had no time to lose any
        raise BrokerError("no record was acknowledged in time; this machine is very busy. Hand in again.")
    found = _numbers_in(kafka.bootstrap_servers, topic)
    return [number for number in done if number not in found], len(done)


def _producer(servers: str, acks: int | str) -> KafkaProducer:
    return KafkaProducer(
        **Connection.resolve(servers).client(), acks=acks, enable_idempotence=acks == "all", linger_ms=5,
        request_timeout_ms=4_000, delivery_timeout_ms=int(MOST_SECONDS * 1000), retry_backoff_ms=100,
    )  # fmt: skip


def _wait(sent: Sequence[Any], seconds: float) -> None:
    """Until all are done, one way or the other, or the time is over."""
    deadline = monotonic() + seconds
    while not all(each.is_done for each in sent) and monotonic() < deadline:
        sleep(0.02)


def _numbers_in(servers: str, topic: str) -> set[int]:
    """What stands in a topic, as soon as it has a leader again."""
    deadline = monotonic() + MOST_SECONDS
    while True:
        try:
            return set(read_topic(servers, topic)["value"].astype(int))
        except (BrokerError, KafkaError):
            if monotonic() > deadline:
                raise
            sleep(0.2)


def _send(servers: str, keys: Mapping[str, Sequence[str | bytes | None]]) -> None:
    producer = _producer(servers, "all")
    try:
        sent = [
            producer.send(topic, str(number).encode(), key=key.encode() if isinstance(key, str) else key)
            for topic, chosen in keys.items()
            for number, key in enumerate(chosen)
        ]
        for each in sent:
            each.get(MOST_SECONDS)
    finally:
        producer.close(timeout=5)


def _in_two_runs(servers: str, topic: str) -> list[list[Handled]]:
    """Kafka deals the partitions out to a group of two; then each of the two works off its own, in both orders."""
    dealt = shares(servers, topic, len(CONSUMERS), partitions=PARTITIONS)
    owners = {TopicPartition(topic, number): CONSUMERS[reader - 1] for number, reader in enumerate(dealt)}
    with ExitStack() as stack:
        consumers = {}
        for name in CONSUMERS:
            consumers[name] = KafkaConsumer(**Connection.resolve(servers).client(), client_id=name)
            stack.callback(consumers[name].close)
            consumers[name].assign([where for where, owner in owners.items() if owner == name])
        runs = (list(owners), list(owners)[::-1])
        return [[row for where in run for row in _read(consumers[owners[where]], owners[where], where)] for run in runs]


def _read(member: KafkaConsumer, name: str, where: TopicPartition) -> list[Handled]:
    member.pause(*member.assignment())
    member.resume(where)
    member.seek(where, 0)
    end = member.end_offsets([where])[where]
    rows: list[Handled] = []
    deadline = monotonic() + MOST_SECONDS
    while member.position(where) < end:
        if monotonic() > deadline:
            raise BrokerError(f"{where.topic} could not be read to its end; is Kafka well?")
        for record in chain.from_iterable(member.poll(200).values()):
            rows.append(Handled(name, where.partition, int(record.value)))
    return rows
