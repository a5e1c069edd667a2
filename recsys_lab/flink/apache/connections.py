"""Each Python thread talks to a Java thread of its own.

A job's archives are added to the class loader of the Java thread that serves the call. py4j hands its connections out
as they are free: when another Python thread happens to tidy up objects of Java in the meantime, the next call of this
one is served by another Java thread, which has never heard of those archives ("could not found the Java class"). So
connections are kept by thread here.
"""

from __future__ import annotations

import threading
from typing import Any


def keep_by_thread(client: Any) -> None:
    """Let a py4j client give every thread its own connections, and each thread the same one first."""
    mine = threading.local()

    def take() -> Any:
        free = mine.__dict__.setdefault("free", [])
        return free.pop() if free else client._create_connection()

    def give_back(connection: Any) -> None:
        mine.__dict__.setdefault("free", []).append(connection)

    client._get_connection, client._give_back_connection = take, give_back
