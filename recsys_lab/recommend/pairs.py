"""What came after what: a bounded table of item pairs, learned one event at a time.

Each item has two lists. In the *long* one every follower is counted, with a weight, so that items taken in one
go count more than items a week apart. It is there for learning: a new pair needs time to prove itself. When it
is full it forgets its weaker half. (Lossy counting: Manku and Motwani, "Approximate frequency counts over data
streams", VLDB 2002.) The *short* one holds the items that go with it most, whichever came first, and is there
for answering: rows of three arrays, so a request reads its 20 rows in one step and never meets the rest of the
catalogue. On logs tried, answers from 64 neighbours are as good as from all of them, while learning with
only 128 costs a tenth of the hits.

Memory for each item: at most 512 followers in a dict, some 70 bytes each, and 64 × 12 bytes for the short list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLLOWERS = 512
"""The longest list for learning."""

NEIGHBOURS = 64
"""The longest list for answering."""

AFTER, BEFORE = 0, 1
NOBODY = -1

Floats = NDArray[np.float64]


class PairTable:
    """Counts of item pairs; items are numbers 0, 1, 2 … in the order in which `add_item` was called.

    For answering: row i of `neighbours` (items × 64, NOBODY where empty) lists the items that go with item i
    most, and `counts` (items × 64 × 2) how often each came AFTER and BEFORE it. `totals` (items × 2) is how
    often anything did, the forgotten included.
    """

    def __init__(self) -> None:
        self._followers: list[dict[int, float]] = []
        self._slots: list[dict[int, int]] = []  # where in its row a neighbour stands
        self._floor: list[float] = []  # no neighbour in a full row is weaker
        self._allocate(64)

    def add_item(self) -> int:
        """The number of a new item."""
        if len(self._followers) == len(self.totals):
            self._allocate(2 * len(self.totals))
        self._followers.append({})
        self._slots.append({})
        self._floor.append(0.0)
        return len(self._followers) - 1

    def learn(self, items: list[int], item: int, weights: list[float]) -> None:
        """Count that `item` came after each of `items` (distinct, without `item`), with these weights."""
        preceded = self._followers[item]
        total = float(self.totals[item, BEFORE])
        for other, weight in zip(items, weights, strict=True):
            followers = self._followers[other]
            after, before = followers.get(item, 0.0) + weight, preceded.get(other, 0.0)
            followers[item] = after
            total += weight
            self._place(other, item, after, before)
            self._place(item, other, before, after)
            if len(followers) > FOLLOWERS:
                self._followers[other] = _stronger_half(followers)
        self.totals[item, BEFORE] = total
        self.totals[items, AFTER] += weights

    def counts_of(self, items: list[int], item: int) -> Floats:
        """How often `item` came (AFTER, BEFORE) each of `items`: one line for each."""
        preceded = self._followers[item]
        return np.array([(self._followers[other].get(item, 0.0), preceded.get(other, 0.0)) for other in items])

    def state(self) -> dict[str, Any]:
        """Both lists of each item, as far as they are used; keys and values apart, as JSON knows no whole-number keys."""
        rows = range(len(self._followers))
        return {
            "followers": [[list(followers), list(followers.values())] for followers in self._followers],
            "neighbours": [self.neighbours[row, : len(self._slots[row])].tolist() for row in rows],
            "counts": [self.counts[row, : len(self._slots[row])].tolist() for row in rows],
            "floor": list(self._floor),
            "totals": self.totals[: len(self._followers)].tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        size = len(state["followers"])
        self._followers, self._slots, self._floor = [], [], []
        self._allocate(max(64, 1 << size.bit_length()))
        self._followers = [dict(zip(keys, values, strict=True)) for keys, values in state["followers"]]
        self._slots = [{other: slot for slot, other in enumerate(row)} for row in state["neighbours"]]
        self._floor = list(state["floor"])
        if size:
            self.totals[:size] = state["totals"]
        for row, (others, counts) in enumerate(zip(state["neighbours"], state["counts"], strict=True)):
            if others:
                self.neighbours[row, : len(others)] = others
                self.counts[row, : len(others)] = counts

    def _allocate(self, capacity: int) -> None:
        size = len(self._followers)
        neighbours = np.full((capacity, NEIGHBOURS), NOBODY, dtype=np.int32)
        counts = np.zeros((capacity, NEIGHBOURS, 2), dtype=np.float32)
        totals = np.zeros((capacity, 2))
        if size:
            neighbours[:size], counts[:size], totals[:size] = self.neighbours, self.counts, self.totals
        self.neighbours, self.counts, self.totals = neighbours, counts, totals

    def _place(self, item: int, other: int, after: float, before: float) -> None:
        """Bring `other` up to date in the row of `item`, if it is, or now becomes, one of its neighbours."""
        slots = self._slots[item]
        slot = slots.get(other)
        if slot is None:
            if len(slots) < NEIGHBOURS:
                slot = len(slots)
            elif after + before > self._floor[item]:
                slot = self._weakest(item)
                if after + before <= self._floor[item]:
                    return
                del slots[int(self.neighbours[item, slot])]
            else:
                return
            slots[other] = slot
            self.neighbours[item, slot] = other
        self.counts[item, slot] = after, before

    def _weakest(self, item: int) -> int:
        """The slot of the weakest neighbour in a full row; its strength becomes the row's floor."""
        strength = self.counts[item, :, AFTER] + self.counts[item, :, BEFORE]
        slot = int(strength.argmin())
        self._floor[item] = float(strength[slot])
        return slot


def _stronger_half(followers: dict[int, float]) -> dict[int, float]:
    """The half with the higher counts, in its order; of equals the one that came first."""
    strongest = sorted(followers, key=lambda other: -followers[other])  # stable: the older first
    kept = set(strongest[: len(followers) // 2])
    return {other: count for other, count in followers.items() if other in kept}
