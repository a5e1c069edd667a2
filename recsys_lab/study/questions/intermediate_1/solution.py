"""One record after the other: deliver it or set it aside, then note that it is done; never the other way round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

ATTEMPTS = 7


def _settle(record: str, sink: Any, sleep: Callable[[float], None]) -> str | None:
    """Bring the record to the sink; why it was given up, or None when it was taken."""
    for attempt in range(ATTEMPTS):
        try:
            sink.write(record)
            return None
        except ValueError as refusal:
            return f"refused: {refusal}"
        except TimeoutError:
            if attempt < ATTEMPTS - 1:
                sleep(2.0**attempt)  # 1, 2, 4 … 32 seconds: 63 in all, longer than an outage lasts
    return f"no answer in {ATTEMPTS} attempts"


def run(log: Sequence[str], sink: Any, dead_letters: Any, checkpoint: Any, sleep: Callable[[float], None]) -> None:
    """Bring every record of the log to the sink, or to the dead letters; go on where the last life ended."""
    for place in range(checkpoint.load() or 0, len(log)):
        reason = _settle(log[place], sink, sleep)
        if reason is not None:
            dead_letters.write(log[place], reason)
        checkpoint.save(place + 1)
