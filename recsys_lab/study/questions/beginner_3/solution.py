"""A count for each item, and the sum and number of prices: all that the next answer needs."""

from __future__ import annotations

from collections import Counter


class Live:
    """The best-selling items and the mean price, right after every purchase."""

    def __init__(self) -> None:
        self._sold: Counter[str] = Counter()
        self._takings = 0

    def add(self, item: str, price: int) -> None:
        self._sold[item] += 1
        self._takings += price

    def top(self, k: int) -> list[str]:
        best = sorted(self._sold.items(), key=lambda pair: (-pair[1], pair[0]))
        return [item for item, _ in best[:k]]

    def mean(self) -> float | None:
        purchases = sum(self._sold.values())
        return self._takings / purchases if purchases else None
