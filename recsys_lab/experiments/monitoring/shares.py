"""How far apart are two distributions, such as what is shown this week and what was shown before?

The Jensen-Shannon distance: the root of the mean of both distributions' Kullback-Leibler divergence from their
average, in bits. Of the many distances this one, because all of these hold for it and few of them for the others:
- it is finite where one side has an item that the other lacks (Kullback-Leibler is not; new items are the normal case);
- it lies between 0 (the same) and 1 (nothing in common), whatever the number of items, so it can be drawn;
- it is symmetric and keeps the triangle inequality, so that ways add up (Endres and Schindelin, "A new metric for
  probability distributions", IEEE Trans. Information Theory 49(7), 2003);
- it needs no order of the items, as Kolmogorov-Smirnov or the earth mover's distance would.

Two samples of the same distribution are never quite equal. Compare categories rather than items, of which there are
few, and look at how far two halves of the same week are apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2, sqrt

from recsys_lab.errors import InvalidEvent, shorten


def jensen_shannon(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Jensen-Shannon distance of two distributions, 0 to 1. (Lin 1991; the root after Endres and Schindelin 2003.)

    a, b: name → count or share, from 0 up; scaled to sum to 1 here. Raises InvalidEvent when a value is negative
    or a side sums to nothing.
    """
    total_a, total_b = _total(a), _total(b)
    bits = 0.0
    for name, count in a.items():
        share, other = count / total_a, b.get(name, 0.0) / total_b
        bits += _part(share, other) + _part(other, share)
    bits += sum(count / total_b for name, count in b.items() if name not in a)  # log2 of twice a half is 1
    return sqrt(min(1.0, max(0.0, bits / 2.0)))


def _part(share: float, other: float) -> float:
    """What one name adds to the divergence of `share` from the average of both."""
    return share * log2(2.0 * share / (share + other)) if share > 0.0 else 0.0


def _total(counts: Mapping[str, float]) -> float:
    total = sum(counts.values())
    if not total > 0.0 or min(counts.values()) < 0.0:
        raise InvalidEvent(f"counts are {shorten(dict(counts))}; values from 0 up are needed, and one above 0")
    return float(total)
