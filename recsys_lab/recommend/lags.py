"""How much each earlier item says about the next one: learned from the log, not set by hand.

In a shop the next item goes with the one just taken; on a film site with the last dozen; after a week's pause
with none of them in particular, and popularity says more. Such differences decide the hit rate, so the weights
are learned while the log goes by.

The model is a mixture: the next item is drawn by the neighbours of one earlier item, or by popularity, and the
weights say how often each of these sources is the one. When the next item has come, each source
gets credit for its share in having predicted it, and its weight moves a little towards that share. (The mixture
transition distribution: Raftery, "A model for high-order Markov chains", J. R. Stat. Soc. B 1985; the credit is
the E step of the EM algorithm, the small move its online M step: Cappé and Moulines, 2009.)

A source is told by: whether it comes first in a visit (a new basket begins) or not; whether the earlier
item is of this visit or older; how many steps back it is; and the direction, what came after it or before it.
"""

from __future__ import annotations

import math
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 20
"""How many of the user's latest items are asked."""

RATE = 0.002
"""How far a weight moves towards its credit each time: it remembers some 500 lessons."""

Floats = NDArray[np.float64]


class LagWeights:
    """The weights of the sources, each in 0…1, for the opening of a visit and for its course."""

    def __init__(self) -> None:
        same_visit = falling(0.2, by=0.8)
        older = falling(0.06, by=0.9)
        by_place = [[[weight, weight] for weight in place] for place in (same_visit, older)]
        self._items: Floats = np.array([by_place, by_place])  # opening or not × place × step × direction
        self._popularity = [0.1, 0.1]

    def of_items(self, in_visit: int, count: int) -> Floats:
        """The weights of the user's `count` latest items, newest first: a line of (after, before) for each.

        in_visit: how many of them are of the present visit; 0 opens a new one.
        """
        same_visit, older = self._items[int(in_visit == 0)]
        return np.concatenate([same_visit[:in_visit], older[in_visit:]])[:count]

    def of_popularity(self, in_visit: int) -> float:
        """The weight of popularity."""
        return self._popularity[int(in_visit == 0)]

    def credit(self, in_visit: int, items: Floats, popularity: float) -> None:
        """Move the weights towards the sources that had predicted the item which came.

        items: the probability that each earlier item gave it, shaped as `of_items`; popularity: the same for popularity.
        """
        opening, count = int(in_visit == 0), len(items)
        weights = self.of_items(in_visit, count)
        shares = weights * items
        share = self._popularity[opening] * popularity
        total = math.fsum([*shares.ravel().tolist(), share])  # exact, hence the same in any order
        if total <= 0.0:
            return
        weights += RATE * (shares / total - weights)
        same_visit, older = self._items[opening]
        same_visit[: min(in_visit, count)] = weights[:in_visit]
        older[in_visit:count] = weights[in_visit:]
        self._popularity[opening] += RATE * (share / total - self._popularity[opening])

    def state(self) -> dict[str, Any]:
        """All weights."""
        return {"items": self._items.tolist(), "popularity": list(self._popularity)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._items = np.array(state["items"])
        self._popularity = list(state["popularity"])


def falling(start: float, *, by: float) -> list[float]:
    """start, start × by, start × by² …, by multiplication alone, which gives the same bits everywhere."""
    return list(accumulate([by] * (STEPS - 1), mul, initial=start))
