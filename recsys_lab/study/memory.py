"""What an answer keeps: how much more it holds after many steps than after a few."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def growth_kb(step: Callable[[int], object], steps: int, *, settled: int = 1000) -> float:
    """Kilobytes of Python objects that steps after `settled` have left behind. step: called with 0, 1, … steps - 1."""
    tracemalloc.start()
    try:
        for number in range(steps):
            step(number)
            if number == settled:
                before = _held()
        after = _held()
    finally:
        tracemalloc.stop()
    return (after - before) / 1024


def _held() -> int:
    """Bytes in use, without what only waits to be collected."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
