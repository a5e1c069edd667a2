"""Replicas: three brokers, one of them dies, and what had been acknowledged is counted.

Each topic has its three copies on three brokers; the same one leads them all. A producer for each `acks` sends at an
even pace. Whether a record is lost that was acknowledged by the leader alone (`acks=1`) is a matter of milliseconds:
the others copy it at once. So that it need not be left to chance, the two others are made to stand still (SIGSTOP) for
half a second, as a garbage collection or a slow disk might; then the leader is killed (SIGKILL) and they go on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from time import monotonic, perf_counter, sleep
from typing import Any

import pandas as pd
from kafka import KafkaProducer
from kafka.errors import KafkaError

from recsys_lab.errors import LabError
from recsys_lab.experiments.on_kafka.topics import fresh_name, quiet_client, read_topic
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.threads import alongside

ACKS: dict[str, int | str] = {"0": 0, "1": 1, "all": "all"}
INSYNC = {"0": (1,), "1": (1,), "all": (1, 2, 3)}
"""Least replicas in sync, of the topics for each `acks`. It binds only those who ask for all."""

LEADER = 0
PER_SECOND = 100
STEADY_SECONDS, FROZEN_SECONDS, AFTER_SECONDS = 1.0, 0.6, 1.0
ALONE = 20
"""Records that the leader acknowledges while nobody copies them, at least."""

FAILOVER_SECONDS = 40.0
DELIVERY_SECONDS = 60.0


@quiet_client()
def kill_the_leader(kafka: LocalKafka) -> pd.DataFrame:
    """Send to five topics, kill the broker that leads them, go on, start it again, go on, and count.

    kafka: three brokers, all running, as they are afterwards. Takes 10 to 15 seconds.
    Columns: acks ("0", "1", "all"), insync (least replicas in sync), number (of the record), sent (seconds; 0 is the
    kill), acknowledged (seconds, or NaN: never), readable (whether it stands in the topic at the end), restarted
    (seconds: when the broker was started again; it needs a few more to be back).
    """
    if len(kafka.pids) != 3:
        raise LabError(f"{kafka!r}: three running brokers are needed; use LocalKafka(brokers=3).")
    servers = kafka.bootstrap_servers
    topics = {(acks, insync): led_topic(servers, insync) for acks in ACKS for insync in INSYNC[acks]}
    flows = {(acks, insync): _Flow(servers, topic, acks) for (acks, insync), topic in topics.items()}
    with alongside(*(flow.send for flow in flows.values())):
        _wait_for(lambda: all(flow.goes_on_after(0.0) for flow in flows.values()))
        sleep(STEADY_SECONDS)
        killed = _kill_while_the_others_stand_still(kafka, flows["1", 1])
        _wait_for(lambda: flows["all", 2].goes_on_after(killed))
        sleep(AFTER_SECONDS)
        restarted = perf_counter()
        kafka.restart(LEADER)
        _wait_for(lambda: flows["all", 3].goes_on_after(restarted))
        sleep(AFTER_SECONDS)
    tables = []
    for (acks, insync), flow in flows.items():
        found = set(read_topic(servers, flow.topic)["value"].astype(int))
        tables.append(flow.table(killed, found).assign(acks=acks, insync=insync, restarted=restarted - killed))
    columns = ["acks", "insync", "number", "sent", "acknowledged", "readable", "restarted"]
    return pd.concat(tables, ignore_index=True)[columns]


def led_topic(servers: str, insync: int) -> str:
    """A new topic of one partition with a copy on every one of three brokers, led by the broker LEADER.

    insync: least replicas in sync.
    """
    name, order = fresh_name("safe"), [LEADER, *(broker for broker in range(3) if broker != LEADER)]
    with admin(Connection.resolve(servers)) as client:
        client.create_topics({name: {"assignments": {0: order}, "configs": {"min.insync.replicas": insync}}})
        client.wait_for_topics([name])
    return name


@contextlib.contextmanager
def standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Processes do nothing (SIGSTOP) until the `with` block is left."""
    stopped = list(pids)
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):  # it has died meanwhile
                os.kill(pid, signal.SIGCONT)


def _kill_while_the_others_stand_still(kafka: LocalKafka, trusting: _Flow) -> float:
    """When it was killed: not before the flow that trusts the leader alone has a number of its answers."""
    with standing_still(pid for broker, pid in enumerate(kafka.pids) if broker != LEADER):
        frozen = perf_counter()
        sleep(FROZEN_SECONDS)
        _wait_for(lambda: trusting.acknowledged_of_those_sent_after(frozen) >= ALONE)  # soon, but on a busy machine
        kafka.kill(LEADER)
        return perf_counter()


class _Flow:
    """A producer that sends numbered records at an even pace, and notes when each was sent and acknowledged."""

    def __init__(self, servers: str, topic: str, acks: str) -> None:
        self.topic, self.acks = topic, acks
        self._sent: list[float] = []
        self._acknowledged: dict[int, float] = {}
        self._producer = KafkaProducer(
            **Connection.resolve(servers).client(), acks=ACKS[acks], enable_idempotence=acks == "all", linger_ms=0,
            request_timeout_ms=4_000, delivery_timeout_ms=int(DELIVERY_SECONDS * 1000), retry_backoff_ms=100,
        )  # fmt: skip

    def send(self, over: threading.Event) -> None:
        """Go on until it is over."""
        started = perf_counter()
        while not over.wait(max(0.0, started + len(self._sent) / PER_SECOND - perf_counter())):
            number = len(self._sent)
            self._sent.append(perf_counter())
            try:
                sent = self._producer.send(self.topic, str(number).encode(), partition=0)
            except KafkaError:
                continue  # refused on the spot: never acknowledged
            sent.add_callback(self._note, number)
        with contextlib.suppress(KafkaError):  # what is not acknowledged by now is counted as such
            self._producer.close(timeout=DELIVERY_SECONDS)

    def _note(self, number: int, _: Any) -> None:
        self._acknowledged[number] = perf_counter()

    def goes_on_after(self, moment: float) -> bool:
        """Whether a record has been acknowledged after that moment."""
        return any(when > moment for when in list(self._acknowledged.values()))

    def acknowledged_of_those_sent_after(self, moment: float) -> int:
        """How many records."""
        return sum(self._sent[number] > moment for number in list(self._acknowledged))

    def table(self, zero: float, found: set[int]) -> pd.DataFrame:
        numbers = range(len(self._sent))
        return pd.DataFrame(
            {
                "number": numbers,
                "sent": [moment - zero for moment in self._sent],
                "acknowledged": [self._acknowledged.get(number, float("nan")) - zero for number in numbers],
                "readable": [number in found for number in numbers],
            }
        )


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + FAILOVER_SECONDS
    while not condition() and monotonic() < deadline:
        sleep(0.05)
