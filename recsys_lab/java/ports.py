"""Ports of the loopback interface: free ones, one that was asked for, and what to do when another program is quicker.

A port that is free when it is looked up may be taken a moment later, before the Java program has it. With ports of
our own choice the start is tried again on others; a port that somebody asked for is named in the error instead.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from recsys_lab.errors import LabError

HOST = "127.0.0.1"

ATTEMPTS = 3


class PortTaken(Exception):
    """Another program was quicker."""


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on now."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    numbers = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return numbers


def is_in_use(port: int) -> bool:
    """Whether a program answers there."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex((HOST, port)) == 0


def check_free(port: int, title: str, error: type[LabError]) -> None:
    """Raise this error when the port is in use. title: of the program that wants it, "Kafka" or "Flink"."""
    if is_in_use(port):
        raise error(
            f"port {port} is in use, perhaps by another {title} (recsys-lab {title.lower()} status). "
            "Stop that program, or leave the port out and take a free one."
        )


def on_free_ports(start: Callable[[], None], end: Callable[[], None], *, error: type[LabError]) -> None:
    """Start a program, which chooses its ports; when one is taken meanwhile (PortTaken), end it and start it anew.

    Raises this error when that has not helped.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            start()
            return
        except PortTaken as taken:
            end()
            if attempt == ATTEMPTS:
                raise error(str(taken)) from None
