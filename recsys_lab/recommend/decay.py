"""Forgetting without touching what is forgotten: forward decay.

A count that halves every `half_life` would have to be multiplied down, for every item, at every tick. Turned
round, it need not be: leave old counts as they are and let new evidence weigh more, twice as much each half-life.
The order of the counts at any moment is the same, and so is each count once it is divided by what evidence of
that moment weighs. (Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay", ICDE 2009.)

    >>> from datetime import datetime, timedelta, timezone
    >>> start, decay = datetime(2026, 1, 1, tzinfo=timezone.utc), ForwardDecay(timedelta(days=1))
    >>> decay.growth(start), decay.growth(start + timedelta(days=1)), decay.growth(start + timedelta(days=2))
    (1.0, 2.0, 4.0)
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from recsys_lab.errors import InvalidEvent, shorten

_LN2 = 0.6931471805599453
_TERMS = 18  # of the power series of 2 ** x for x in 0…1: the 18th is below the last bit of a float


class ForwardDecay:
    """What evidence of a moment weighs, next to evidence of the first moment asked about (1.0)."""

    MAX_DOUBLINGS = 256
    """Beyond this the caller should shift its counts down (see `shift`); a float ends at 1023."""

    def __init__(self, half_life: timedelta) -> None:
        if not isinstance(half_life, timedelta) or half_life <= timedelta(0):
            raise InvalidEvent(f"half_life is {shorten(half_life)}; a positive timedelta is needed, or None")
        self.half_life = half_life
        self.origin: datetime | None = None

    def growth(self, at: datetime) -> float:
        """2 to the power of (at − origin) / half-life; the same bits on every machine."""
        return power_of_two(self._doublings(at))

    def fade(self, at: datetime) -> float:
        """What to multiply a count with to have its worth at that time: 1 / growth, 0.0 when that is nothing."""
        return power_of_two(min(-self._doublings(at), self.MAX_DOUBLINGS))

    def shift(self, at: datetime) -> float:
        """1.0, or, when weights have grown too large, what to multiply every count with; moves the origin.

        The factor is a whole power of two, so no count loses a bit.
        """
        whole = math.floor(self._doublings(at))
        if whole <= self.MAX_DOUBLINGS:
            return 1.0
        assert self.origin is not None
        self.origin += whole * self.half_life
        return math.ldexp(1.0, -whole)

    def _doublings(self, at: datetime) -> float:
        if self.origin is None:
            self.origin = at
        return (at - self.origin) / self.half_life


def power_of_two(x: float) -> float:
    """2 ** x from nothing but sums and products, which IEEE 754 fixes to the last bit; `math.pow` may differ."""
    whole = math.floor(x)
    exponent = (x - whole) * _LN2
    total = 0.0
    for term in range(_TERMS, 0, -1):  # Horner's rule for the power series of exp
        total = (total + 1.0) * exponent / term
    return math.ldexp(1.0 + total, whole)
