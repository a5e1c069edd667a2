"""Work that goes on beside a `with` block, on threads, and ends with it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def alongside(*works: Callable[[threading.Event], object]) -> Iterator[None]:
    """Each goes on on a thread of its own while the block runs; it is given an event that says when that is over.

    The block is left when all have returned. What one raises is printed (`threading.excepthook`), not raised here.
    """
    over = threading.Event()
    threads = [threading.Thread(target=work, args=(over,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
