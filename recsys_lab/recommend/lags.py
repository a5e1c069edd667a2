"""How much each earlier item says about the next one: learned from the log, not set by hand.

In a shop the next item goes with the one just taken; on a film site with the last dozen; after a week's pause
with none of them in particular, and popularity says more. Such differences decide the hit rate, so the weights
are learned while the log goes by.

The model is a mixture: the next item is drawn by the neighbours of one earlier item, or by popularity, and the
weights say how often each of these sources is the one. When the next item has come, each source gets credit for
its share in having predicted it, and its weight moves a little towards that share. (The mixture transition
distribution: Raftery, "A model for high-order Markov chains", J. R. Stat. Soc. B 1985; the credit is the E step
of the EM algorithm, the small move its online M step: Cappé and Moulines, J. R. Stat. Soc. B 2009.)

A source is told by: whether it is asked at the opening of a visit (a new basket) or in its course; whether the
earlier item is of this visit or older; how many steps back it is; and the direction, what came after it or before.
"""

from __future__ import annotations

import copy
from itertools import accumulate
from math import sqrt
from operator import mul
from typing import Any

STEPS = 20
"""How many of the user's latest items are asked."""

RATE = 0.002
"""How far a weight moves towards its credit each time: it remembers some 500 lessons."""

Pair = list[float]  # what belongs to (AFTER, BEFORE)


class LagWeights:
    """The weights of the sources, each in 0…1; they start as a plain guess that falls with every step."""

    def __init__(self) -> None:
        # in the course of a visit, at its opening × item of this visit, older × step × direction
        self._items = [
            [[[weight, weight] for weight in place] for place in (falling(0.2, by=0.8), falling(0.06, by=0.9))]
            for _ in range(2)
        ]
        self._popularity = [0.1, 0.1]

    def of_items(self, in_visit: int, count: int) -> list[Pair]:
        """The weights of the user's `count` latest items, newest first: [after, before] for each.

        in_visit: how many of them are of the present visit; 0 opens a new one.
        """
        same_visit, older = self._items[in_visit == 0]
        return same_visit[:in_visit] + older[in_visit:count]

    def of_pairs(self, in_visit: int) -> list[float]:
        """What a pair of the next item with each of the latest 20 counts, newest first; 1 for the lag that says most.

        The root of what the lag has proved to say, against the one that says most: where only the last item
        matters the others are noise and hardly count, and where taste alone decides all pairs count alike.
        """
        says = [after + before for after, before in self.of_items(in_visit, STEPS)]
        most = max(says)
        return [sqrt(said / most) if most > 0.0 else 1.0 for said in says]

    def of_popularity(self, in_visit: int) -> float:
        """The weight of popularity."""
        return self._popularity[in_visit == 0]

    def credit(self, in_visit: int, chances: list[Pair], popularity: float) -> None:
        """Move the weights towards the sources that had predicted the item which came.

        chances: the probability that each earlier item gave it, as in `of_items`. popularity: what popularity gave it.
        """
        weights = self.of_items(in_visit, len(chances))
        popular = self.of_popularity(in_visit)
        predicted = popular * popularity
        for (after, before), (chance_after, chance_before) in zip(weights, chances, strict=True):
            predicted += after * chance_after + before * chance_before
        if predicted <= 0.0:
            return
        for weight, (chance_after, chance_before) in zip(weights, chances, strict=True):
            weight[0] += RATE * (weight[0] * chance_after / predicted - weight[0])
            weight[1] += RATE * (weight[1] * chance_before / predicted - weight[1])
        self._popularity[in_visit == 0] += RATE * (popular * popularity / predicted - popular)

    def state(self) -> dict[str, Any]:
        """All weights."""
        return {"items": copy.deepcopy(self._items), "popularity": list(self._popularity)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state()` gave."""
        self._items = copy.deepcopy(state["items"])
        self._popularity = list(state["popularity"])


def falling(start: float, *, by: float) -> list[float]:
    """start, start × by, start × by² … for all steps; multiplication alone gives the same bits everywhere."""
    return list(accumulate([by] * (STEPS - 1), mul, initial=start))
