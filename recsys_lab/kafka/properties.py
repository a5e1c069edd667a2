"""What a Kafka server is told: one file of properties for each broker.

Each broker is a controller too (KRaft), so no other process is needed. What differs from Kafka's own defaults, and
why: small internal topics and short waits, so that a cluster for one person is ready and fails over in seconds;
no limit of age, because the lab rebuilds its state from the log; everything on the loopback interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from recsys_lab.java.ports import HOST

PARTITIONS = 3
"""Of a topic that is not told otherwise."""


class Ports(NamedTuple):
    """Where a broker listens: to clients, and to the other controllers."""

    broker: int
    controller: int


def server_properties(
    broker: int, ports: Sequence[Ports], folder: Path, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The properties of broker number `broker` (from 0) of a cluster that has these ports.

    folder: where its data goes. extra: properties that win over these.
    """
    brokers = len(ports)
    copies = str(brokers)
    mine = ports[broker]
    return {
        "process.roles": "broker,controller",
        "node.id": str(broker),
        "controller.quorum.voters": ",".join(f"{node}@{HOST}:{port.controller}" for node, port in enumerate(ports)),
        "listeners": f"PLAINTEXT://{HOST}:{mine.broker},CONTROLLER://{HOST}:{mine.controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{mine.broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder),
        "num.partitions": str(PARTITIONS),
        "default.replication.factor": copies,
        "min.insync.replicas": str(min(2, brokers)),
        "offsets.topic.num.partitions": "3",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "3",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": str(min(2, brokers)),
        "log.retention.ms": "-1",
        "log.index.size.max.bytes": "1048576",
        "message.max.bytes": str(2 * 1024 * 1024),  # an event may be 1 MiB, and its record is a little more
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "broker.session.timeout.ms": "3000",  # a dead broker's partitions get a new leader after this
        "broker.heartbeat.interval.ms": "500",
        "controlled.shutdown.enable": str(brokers > 1).lower(),
        **(extra or {}),
    }


def as_text(properties: Mapping[str, str]) -> str:
    """As a Java properties file."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
