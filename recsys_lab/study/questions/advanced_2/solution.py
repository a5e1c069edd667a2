"""The batch view says up to which offset it goes; the speed view is of the offsets from there on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Rule = Callable[[Any], int]
View = Counter[tuple[str, int]]


def view(sales: Iterable[Any], rule: Rule) -> View:
    """Takings by item and day: the batch, and the speed layer after a change of rule."""
    found: View = Counter()
    for sale in sales:
        found[sale.item, sale.day] += rule(sale)
    return found


class Lambda:
    """Takings by item and day: a batch view, a speed view, and both merged."""

    def __init__(self, rule: Rule) -> None:
        self._rule, self._batch, self._upto = rule, Counter[tuple[str, int]](), 0
        self._recent: dict[int, Any] = {}  # sales from `_upto` on, by offset
        self._speed: View = Counter()  # the same, added up
        self._running: tuple[Rule, View, int] | None = None

    def on_sale(self, offset: int, sale: Any) -> None:
        if offset >= self._upto and offset not in self._recent:
            self._recent[offset] = sale
            self._speed[sale.item, sale.day] += self._rule(sale)

    def begin_batch(self, log: Sequence[Any], rule: Rule) -> None:
        self._running = rule, view(log, rule), len(log)

    def finish_batch(self) -> None:
        if self._running is None:
            return
        self._rule, self._batch, self._upto = self._running
        self._running = None
        self._recent = {offset: sale for offset, sale in self._recent.items() if offset >= self._upto}
        self._speed = view(self._recent.values(), self._rule)

    def takings(self, item: str, day: int) -> int:
        return self._batch[item, day] + self._speed[item, day]
