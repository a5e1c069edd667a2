"""A count for each window that is still kept, and one number for time: the highest seen so far, less the bound."""

from __future__ import annotations

from math import inf


class Windows:
    """Purchases counted by when they happened. size, bound, lateness: seconds. late: how many came too late."""

    def __init__(self, size: int, bound: int, lateness: int) -> None:
        self.size, self.bound, self.lateness = size, bound, lateness
        self.late = 0
        self._watermark: float = -inf
        self._counts: dict[int, int] = {}  # by start, of windows that are kept

    def add(self, time: int) -> list[tuple[int, int]]:
        start = time - time % self.size
        if self._watermark >= start + self.size + self.lateness:
            self.late += 1
            return []
        self._counts[start] = self._counts.get(start, 0) + 1
        if self._watermark >= start + self.size:
            return [(start, self._counts[start])]  # told before: a correction
        return self._advance(time - self.bound)

    def end(self) -> list[tuple[int, int]]:
        return self._advance(inf)

    def _advance(self, to: float) -> list[tuple[int, int]]:
        before, self._watermark = self._watermark, max(self._watermark, to)
        told = [(start, count) for start, count in sorted(self._counts.items())
                if before < start + self.size <= self._watermark]  # fmt: skip
        self._counts = {start: count for start, count in self._counts.items()
                        if self._watermark < start + self.size + self.lateness}  # fmt: skip
        return told
