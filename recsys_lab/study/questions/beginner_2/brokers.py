"""Three real brokers, started at the first check that needs them and shared by all checks of this program.

They end when the program does. A broker that a check has killed is started again by the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from recsys_lab.experiments.on_kafka.replication import LEADER
from recsys_lab.experiments.on_kafka.topics import quiet_client
from recsys_lab.kafka.broker import LocalKafka

BROKERS = 3

_cluster = LocalKafka(brokers=BROKERS)
_in_use = threading.Lock()


@contextmanager
def three_brokers() -> Iterator[LocalKafka]:
    """All three running, for one check at a time. Raises BrokerError."""
    with _in_use, quiet_client():
        _cluster.start()
        if len(_cluster.pids) < BROKERS:
            _cluster.restart(LEADER)
        yield _cluster


def end() -> None:
    """End them before the program does."""
    with _in_use:
        _cluster.stop()
