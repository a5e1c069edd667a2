"""What came after what: a bounded table of item pairs, learned one event at a time.

Each item has two lists. In the *long* one every follower is counted, with a weight, so that items taken in one
go count more than items a week apart. It is there for learning: a new pair needs time to prove itself. When it
is full it forgets its weaker half. (Lossy counting: Manku and Motwani, "Approximate frequency counts over data
streams", VLDB 2002.) The *short* one holds the items that go with it most, whichever came first, and is there
for answering: rows of three arrays, so a request reads its 20 rows in one step and never meets the rest of the
catalogue. Long lists matter where tastes alone decide, since every pair then says a little: `benchmarks/ideas.py`.

Memory for each item: at most 512 followers in a dict, some 70 bytes each, and 128 × 12 bytes for the short list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLLOWERS = 512
"""The longest list for learning."""

NEIGHBOURS = 128
"""The longest list for answering."""

AFTER, BEFORE = 0, 1
NOBODY = -1


class PairTable:
    """Counts of item pairs; items are numbers 0, 1, 2 … in the order in which `add_item` was called.

    For answering: row i of `neighbours` (items × 128, NOBODY where empty) lists the items that go with item i
    most, and `counts` (items × 128 × 2) how often each came AFTER and BEFORE it. `totals[i]` is how often
    anything came after and before it, the forgotten included.
    """

    def __init__(self) -> None:
        self.totals: list[list[float]] = []
        self._total = 0.0
        self._followers: list[dict[int, float]] = []
        self._slots: list[dict[int, int]] = []  # where in its row a neighbour stands
        self._floor: list[float] = []  # no neighbour in a full row is weaker; −1 until it is full
        self.neighbours: NDArray[np.int32] = np.empty((0, NEIGHBOURS), dtype=np.int32)
        self.counts: NDArray[np.float32] = np.empty((0, NEIGHBOURS, 2), dtype=np.float32)
        self._reserve(64)

    def add_item(self) -> int:
        """The number of a new item."""
        item = len(self.totals)
        if item == len(self.neighbours):
            self._reserve(2 * item)
        self.totals.append([0.0, 0.0])
        self._followers.append({})
        self._slots.append({})
        self._floor.append(-1.0)
        return item

    def learn(self, items: list[int], item: int, weights: list[float]) -> None:
        """Count that `item` came after each of `items` (distinct, without `item`), with these weights."""
        preceded, slots, floor = self._followers[item], self._slots[item], self._floor
        for other, weight in zip(items, weights, strict=True):
            followers = self._followers[other]
            after, before = followers.get(item, 0.0) + weight, preceded.get(other, 0.0)
            followers[item] = after
            self.totals[other][AFTER] += weight
            self.totals[item][BEFORE] += weight
            self._total += weight
            slot = self._slots[other].get(item)
            if slot is not None:
                self._cells[2 * (other * NEIGHBOURS + slot) + AFTER] = after
            elif after + before > floor[other]:
                self._admit(other, item, after, before)
            slot = slots.get(other)
            if slot is not None:
                self._cells[2 * (item * NEIGHBOURS + slot) + BEFORE] = after
            elif after + before > floor[item]:
                self._admit(item, other, before, after)
            if len(followers) > FOLLOWERS:
                self._followers[other] = _stronger_half(followers)

    def count(self, item: int, other: int) -> list[float]:
        """How often `other` came [AFTER, BEFORE] the item."""
        return [self._followers[item].get(other, 0.0), self._followers[other].get(item, 0.0)]

    def mean_total(self) -> float:
        """What the totals of an item are on average."""
        return self._total / max(1, len(self.totals))

    def state(self) -> dict[str, Any]:
        """Both lists of each item, as far as they are used; keys and values apart: JSON knows no numbers as keys."""
        return {
            "total": self._total,
            "totals": [list(pair) for pair in self.totals],
            "followers": [[list(followers), list(followers.values())] for followers in self._followers],
            "floor": list(self._floor),
            "neighbours": [row[: len(slots)].tolist() for row, slots in self._rows(self.neighbours)],
            "counts": [row[: len(slots)].tolist() for row, slots in self._rows(self.counts)],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self.__init__()  # type: ignore[misc]
        for followers, floor, neighbours, counts in zip(
            state["followers"], state["floor"], state["neighbours"], state["counts"], strict=True
        ):
            item = self.add_item()
            self._followers[item] = dict(zip(*followers, strict=True))
            self._floor[item] = floor
            self._slots[item] = {other: slot for slot, other in enumerate(neighbours)}
            if neighbours:
                self.neighbours[item, : len(neighbours)] = neighbours
                self.counts[item, : len(neighbours)] = counts
        self.totals = [list(pair) for pair in state["totals"]]
        self._total = state["total"]

    def _rows(self, table: NDArray[Any]) -> Iterator[tuple[NDArray[Any], dict[int, int]]]:
        return zip(table[: len(self._slots)], self._slots, strict=True)

    def _reserve(self, capacity: int) -> None:
        """Room for so many items; what is there stays."""
        more = capacity - len(self.neighbours)
        self.neighbours = np.concatenate([self.neighbours, np.full((more, NEIGHBOURS), NOBODY, dtype=np.int32)])
        self.counts = np.concatenate([self.counts, np.zeros((more, NEIGHBOURS, 2), dtype=np.float32)])
        self._cells: Any = self.counts.reshape(-1).data  # the same numbers in a row: a view sets one five times as fast

    def _admit(self, item: int, other: int, after: float, before: float) -> None:
        """Make `other` a neighbour of `item` if there is room, or if the weakest neighbour is weaker."""
        slots = self._slots[item]
        slot = len(slots)
        if slot == NEIGHBOURS:
            strength = self.counts[item, :, AFTER] + self.counts[item, :, BEFORE]
            slot = int(strength.argmin())
            self._floor[item] = float(strength[slot])
            if after + before <= self._floor[item]:
                return
            del slots[int(self.neighbours[item, slot])]
        slots[other] = slot
        self.neighbours[item, slot] = other
        self.counts[item, slot] = after, before


def _stronger_half(followers: dict[int, float]) -> dict[int, float]:
    """The half with the higher counts, in its order; of equals the one that came first."""
    strongest = sorted(followers, key=lambda other: -followers[other])  # stable: the older first
    kept = set(strongest[: len(followers) // 2])
    return {other: count for other, count in followers.items() if other in kept}
