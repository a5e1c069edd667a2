"""Connections to Java are kept by thread, whatever other threads do in the meantime."""

from __future__ import annotations

import threading
from itertools import count

from recsys_lab.flink.apache.connections import keep_by_thread


class Client:
    """As py4j's, as far as connections go; they are numbers here."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def _create_connection(self) -> int:
        return next(self._numbers)

    def _get_connection(self) -> int:
        raise AssertionError("replaced")

    def _give_back_connection(self, connection: int) -> None:
        raise AssertionError("replaced")

    def call(self) -> int:
        """The connection that a call goes over."""
        connection = self._get_connection()
        self._give_back_connection(connection)
        return connection


def test_a_thread_keeps_its_connection_while_another_one_calls() -> None:
    client = Client()
    keep_by_thread(client)
    taken = client._get_connection()  # in the middle of a call
    others: list[int] = []
    thread = threading.Thread(target=lambda: others.extend([client.call(), client.call()]))
    thread.start()
    thread.join()
    client._give_back_connection(taken)

    assert others[0] == others[1] != taken
    assert [client.call(), client.call()] == [taken, taken]


def test_a_call_within_a_call_has_another_connection_and_the_outer_one_comes_first_again() -> None:
    client = Client()
    keep_by_thread(client)
    outer = client._get_connection()
    inner = client.call()  # objects are tidied up in the middle of a call
    client._give_back_connection(outer)

    assert inner != outer
    assert client.call() == outer
