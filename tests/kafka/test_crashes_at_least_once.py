"""At-least-once under `kill -9`: nothing is lost, and the order of each key is kept. At-most-once does lose."""

from __future__ import annotations

from collections import Counter
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
def test_at_least_once_nothing_is_lost_and_keys_keep_their_order(copying, seed):
    schedule = a_schedule("at-least-once", seed)
    copied = copying.run(schedule)
    first_copies = list({event.event_id: event for event in copied}.values())  # in order of first occurrence
    assert by_user(first_copies) == by_user(copying.clicks), schedule
    lives = 1 + len(schedule.crashes)
    assert max(Counter(items(copied)).values()) <= lives, f"more copies than lives: {schedule}"


def test_at_most_once_doubles_nothing_keeps_the_order_and_does_lose(copying):
    lost = 0
    for seed in range(12):
        schedule = a_schedule("at-most-once", seed)
        copied = copying.run(schedule)
        assert len(set(items(copied))) == len(copied), f"doubled: {schedule}"
        expected = by_user(click for click in copying.clicks if click.item_id in set(items(copied)))
        assert by_user(copied) == expected, schedule
        lost += len(copying.clicks) - len(copied)
    assert lost > 0
