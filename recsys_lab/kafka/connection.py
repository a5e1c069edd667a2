"""How to reach a Kafka cluster: its addresses, and how to prove who one is.

The lab's own broker needs neither proof nor encryption. For any other, the environment says what is needed, in the
names of kafka-python's settings: KAFKA_BOOTSTRAP_SERVERS, KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_MECHANISM,
KAFKA_SASL_PLAIN_USERNAME, KAFKA_SASL_PLAIN_PASSWORD, KAFKA_SSL_CAFILE, and so on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from recsys_lab.errors import BrokerError, shorten

DEFAULT_SERVERS = "127.0.0.1:9092"

SETTINGS = {
    "KAFKA_SECURITY_PROTOCOL": "security_protocol",
    "KAFKA_SASL_MECHANISM": "sasl_mechanism",
    "KAFKA_SASL_USERNAME": "sasl_plain_username",
    "KAFKA_SASL_PASSWORD": "sasl_plain_password",
    "KAFKA_SASL_PLAIN_USERNAME": "sasl_plain_username",
    "KAFKA_SASL_PLAIN_PASSWORD": "sasl_plain_password",
    "KAFKA_SSL_CAFILE": "ssl_cafile",
    "KAFKA_SSL_CERTFILE": "ssl_certfile",
    "KAFKA_SSL_KEYFILE": "ssl_keyfile",
    "KAFKA_SSL_PASSWORD": "ssl_password",
}
"""Variable of the environment → setting of every client."""

FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile")


_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+)(:\d{1,5})?")
"""A host by its name or number, and its port."""


@dataclass(frozen=True)
class Connection:
    """Where a cluster is, and the settings that every client of it needs. Its text form hides the settings."""

    bootstrap_servers: str
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def resolve(cls, bootstrap_servers: str | None) -> Connection:
        """The cluster with these addresses; without, the one that the environment names, else one on port 9092.

        Security settings of the environment belong to the cluster that the environment names.
        """
        named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        chosen = bootstrap_servers or named or DEFAULT_SERVERS
        if chosen != named:
            return cls(chosen)
        return cls(chosen, {setting: os.environ[name] for name, setting in SETTINGS.items() if os.environ.get(name)})

    def client(self, seconds: float = 10.0) -> dict[str, Any]:
        """What a kafka-python client is built with. seconds: within which it must have found the cluster.

        Raises BrokerError for an address that is none, and for a certificate that is not there.
        """
        addresses = [address.strip() for address in self.bootstrap_servers.split(",")]
        for address in addresses:
            if not _ADDRESS.fullmatch(address):
                raise BrokerError(f"bootstrap_servers is {shorten(self.bootstrap_servers)}; host:port is needed.")
        for name in FILES:
            if name in self.settings and not os.path.isfile(self.settings[name]):
                raise BrokerError(f"{self.bootstrap_servers}: {name} is {shorten(self.settings[name])}; no such file.")
        return {
            "bootstrap_servers": addresses,
            "bootstrap_timeout_ms": int(seconds * 1000),
            "reconnect_backoff_max_ms": 500,  # so that work goes on soon after a broker has come back
            **self.settings,
        }

    def failed(self, what: str, error: BaseException) -> BrokerError:
        """An error that names the address, what could not be done, and what to look at."""
        return BrokerError(
            f"{self.bootstrap_servers}: {what}: {type(error).__name__}: {error}. "
            "Is Kafka running (recsys-lab kafka status), and is the address right?"
        )


Client = TypeVar("Client")


def opened(kind: Callable[..., Client], **settings: Any) -> Client:
    """A consumer or an admin client of kafka-python. Raises KafkaError when the cluster is not found.

    Both start the thread of their network client before they look for the cluster, and leave it running when they
    don't find it. So that client is remembered here, and closed then.
    """
    made: list[KafkaNetClient] = []

    def network_client(**configs: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**configs))
        return made[-1]

    try:
        return kind(**settings, kafka_client=network_client)
    except BaseException:
        for client in made:
            client.close()
        raise


@contextmanager
def admin(connection: Connection, *, seconds: float = 10.0) -> Iterator[KafkaAdminClient]:
    """A client for questions about the cluster. Raises BrokerError when it is not reached in so many seconds."""
    try:
        client = opened(KafkaAdminClient, **connection.client(seconds), request_timeout_ms=int(seconds * 1000))
        try:
            yield client
        finally:
            client.close()
    except KafkaError as error:
        raise connection.failed("the cluster gave no answer", error) from error
