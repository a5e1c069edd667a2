"""Waiting for what other threads and processes do, with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from recsys_lab.errors import BrokerError


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as it holds; it is looked at again and again. Raises BrokerError when it does not in time."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise BrokerError(f"what was waited for did not come within {seconds:g} s; is Kafka well?")
        await asyncio.sleep(0.01)
