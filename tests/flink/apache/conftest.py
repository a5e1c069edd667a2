"""A session cluster for the tests of one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recsys_lab.flink.cluster import LocalFlink


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalFlink]:
    with LocalFlink(task_slots=4) as started:
        yield started
