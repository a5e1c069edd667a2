"""One real broker for the experiments of a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys_lab.kafka import LocalKafka


@pytest.fixture(scope="session")
def servers() -> Iterator[str]:
    with LocalKafka() as kafka:
        yield kafka.bootstrap_servers
