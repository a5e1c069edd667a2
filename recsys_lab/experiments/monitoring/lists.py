"""How alike are two lists of recommendations? Once by what is in them, once by where it stands.

Jaccard's share of common items knows no places: a list turned upside down is the same to it. Rank-biased overlap
(RBO) reads both lists from the top, as a person does who goes on to the next place with probability p, and averages
the share that the two have in common up to where the person stops. With p = 0.9 the first ten places carry 86 % of it.
(Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28(4), 2010.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from recsys_lab.errors import InvalidEvent, shorten

PERSISTENCE = 0.9
"""Chance that a reader goes on to the next place of a list."""


def rbo(a: Sequence[str], b: Sequence[str], p: float = PERSISTENCE) -> float:
    """Rank-biased overlap of two lists of distinct items, best first: 0 (nothing in common) to 1 (the same).

    What stands beyond the end of the lists is unknown. This is the *extrapolated* version, RBO_ext, equation 32 of
    Webber et al.: the share in common at the end is taken to go on like that for ever; also for lists of unequal
    length. So equal lists have exactly 1, however short. 0 when one of them is empty.

    p: persistence, above 0 and below 1. Raises InvalidEvent for another p, and for a list that names an item twice.
    """
    if not 0.0 < p < 1.0:
        raise InvalidEvent(f"p is {shorten(p)}; a number above 0 and below 1 is needed, such as {PERSISTENCE}")
    for items in (a, b):
        if len(set(items)) < len(items):
            raise InvalidEvent(f"a list names an item twice: {shorten(list(items))}; each may stand in it once")
    short, long = sorted((a, b), key=len)
    if not short:
        return 0.0
    in_short: set[str] = set()
    in_long: set[str] = set()
    common, at_end_of_short, weight, total = 0, 0, 1.0, 0.0  # weight: p ** depth
    for depth, item in enumerate(long, start=1):
        weight *= p
        if depth <= len(short):
            other = short[depth - 1]
            common += (item == other) or (item in in_short) + (other in in_long)
            in_short.add(other)
            at_end_of_short = common
        else:
            common += item in in_short
        in_long.add(item)
        beyond = max(0, depth - len(short))  # places that the short list does not have; it is thought to go on
        total += weight * (common / depth + at_end_of_short * beyond / (len(short) * depth))
    ending = (common - at_end_of_short) / len(long) + at_end_of_short / len(short)
    return min(1.0, (1.0 - p) / p * total + ending * weight)


def jaccard(a: Collection[str], b: Collection[str]) -> float:
    """Share of common items, 0 to 1, wherever they stand; 0 for two empty lists. (Jaccard 1901.)"""
    first, second = set(a), set(b)
    either = len(first | second)
    return len(first & second) / either if either else 0.0
