"""A Kafka cluster that runs elsewhere."""

from __future__ import annotations

from recsys_lab.errors import LabError
from recsys_lab.kafka.connection import Connection, admin


class ExternalKafka:
    """A cluster that runs elsewhere, named by the environment; used like a `LocalKafka`, but never stopped."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.bootstrap_servers = connection.bootstrap_servers
        self.pids: list[int] = []

    def __enter__(self) -> ExternalKafka:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"ExternalKafka({self.bootstrap_servers})"

    def start(self) -> ExternalKafka:
        """Check that it answers. Raises BrokerError."""
        with admin(self.connection) as client:
            client.describe_cluster()
        return self

    def stop(self) -> None:
        """Leave it as it is."""

    def kill(self, broker: int = 0) -> None:
        """Refused: raises LabError."""
        self._refuse()

    def restart(self, broker: int = 0) -> None:
        """Refused: raises LabError."""
        self._refuse()

    def logs(self, broker: int | None = None) -> str:
        """Nothing: they are where the cluster is."""
        return ""

    def _refuse(self) -> None:
        raise LabError(
            f"{self.bootstrap_servers} is not the lab's own to break. Unset KAFKA_BOOTSTRAP_SERVERS for a LocalKafka."
        )
