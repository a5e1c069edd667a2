"""One real broker for each test process; whoever breaks a broker starts his own. Names are new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys_lab.clock import IdSource
from recsys_lab.kafka import LocalKafka

_new = IdSource(kind="unique")


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as kafka:
        yield kafka


@pytest.fixture
def topic() -> str:
    return f"topic-{_new()}"


@pytest.fixture
def group() -> str:
    return f"group-{_new()}"
