"""Exactly-once under `kill -9`: to a reader of committed records the copy is the original, whatever happened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kafka.helpers import by_user, items
from tests.kafka.lives import Copying, a_schedule, the_lives

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def copying(kafka) -> Iterator[Copying]:
    with the_lives() as lives:
        yield Copying(kafka.bootstrap_servers, lives)


@pytest.mark.parametrize("seed", range(100))
def test_exactly_once_the_copy_is_the_original(copying, seed):
    schedule = a_schedule("exactly-once", seed)
    copied = copying.run(schedule)
    assert sorted(items(copied)) == sorted(items(copying.clicks)), schedule
    assert by_user(copied) == by_user(copying.clicks), schedule
