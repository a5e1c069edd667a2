"""One real broker for each test process; who breaks one starts one of their own, and names of topics are new."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys_lab.kafka import LocalKafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as started:
        yield started


@pytest.fixture(scope="session")
def servers(kafka: LocalKafka) -> str:
    return kafka.bootstrap_servers
