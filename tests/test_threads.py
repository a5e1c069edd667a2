"""Work beside a `with` block goes on while the block runs, and has ended after it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from recsys_lab.threads import alongside


def waits_for(began: threading.Event, ended: threading.Event) -> Callable[[threading.Event], None]:
    def work(over: threading.Event) -> None:
        began.set()
        if over.wait(10):
            ended.set()

    return work


def test_all_go_on_at_once_and_have_ended_after_the_block() -> None:
    began, ended = [threading.Event() for _ in range(3)], [threading.Event() for _ in range(3)]
    with alongside(*map(waits_for, began, ended)):
        assert all(event.wait(10) for event in began)
        assert not any(event.is_set() for event in ended)
    assert all(event.is_set() for event in ended)


def test_they_end_too_when_the_block_fails() -> None:
    began, ended = threading.Event(), threading.Event()

    def fail_beside() -> None:
        with alongside(waits_for(began, ended)):
            assert began.wait(10)
            raise KeyError

    with pytest.raises(KeyError):
        fail_beside()
    assert ended.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_that_fails_does_not_hold_the_block() -> None:
    def fails(over: threading.Event) -> None:
        raise KeyError

    began, ended = threading.Event(), threading.Event()
    with alongside(fails, waits_for(began, ended)):
        assert began.wait(10)
    assert ended.is_set()
