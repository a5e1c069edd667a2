"""What one key did, in time order, arranged so that any moment of it can be read as it was.

Beside each event's time two running figures are kept: the total of the values so far and, for each half-life,
the decayed number of events so far. A question "as of t" is then one bisection: what lies left of t happened,
what lies right of it has not happened yet. A window is the difference of two totals; a decayed figure is the
last checkpoint left of t, faded by the time since.

- Running totals usually lose digits when large and small values mix. Ours are whole numbers of 2^-60, and
  whole numbers add up exactly, whatever the order.
- A decayed sum written as sum(2^(time / half-life)) overflows within a year. The recurrence between
  neighbours, `sum[i] = sum[i-1] * 2^-((time[i] - time[i-1]) / half-life) + 1`, only multiplies by numbers up
  to 1. (Cormode et al., "Forward Decay", ICDE 2009, compares the two ways.)
- An event that comes late is put in its place, and what stands right of it is corrected: it costs its
  displacement. So the arrangement depends on the events alone, never on the order in which they came.

Times here are integer microseconds since 1970 (UTC).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

FRACTION_BITS = 60


def exact(value: float) -> int:
    """A float as a whole number of 2^-60 (what is finer than that is cut off)."""
    numerator, denominator = value.as_integer_ratio()
    return (numerator << FRACTION_BITS) // denominator


class History:
    """The events of one key: `add` them in any order, read them as of any time that was not forgotten.

    >>> history = History()
    >>> history.add(10, exact(2.5)); history.add(30, exact(1.0)); history.add(20, exact(0.5))
    >>> history.count(10, 30), history.total(10, 30)
    (2, 3.0)
    """

    __slots__ = ("decayed", "times", "totals")

    def __init__(self, half_lives: Iterable[int] = ()) -> None:
        """half_lives: in microseconds; those for which `decayed_count` will be asked."""
        self.times: list[int] = []
        self.totals: list[int] = []
        self.decayed: dict[int, list[float]] = {half_life: [] for half_life in half_lives}

    def add(self, time: int, amount: int = 0) -> None:
        """Put an event in its place: O(1) when it is the latest, else O(number of later events)."""
        times, totals = self.times, self.totals
        at = len(times) if not times or times[-1] <= time else bisect_right(times, time)
        times.insert(at, time)
        totals.insert(at, totals[at - 1] if at else 0)
        for i in range(at, len(times)):
            totals[i] += amount
        for half_life, sums in self.decayed.items():
            sums.insert(at, 0.0)
            for i in range(at, len(times)):
                faded = sums[i - 1] * _fading(times[i] - times[i - 1], half_life) if i else 0.0
                sums[i] = faded + 1.0

    def count(self, start: int, end: int) -> int:
        """How many events have start <= time < end."""
        return bisect_left(self.times, end) - bisect_left(self.times, start)

    def total(self, start: int, end: int) -> float:
        """The sum of their values, correctly rounded."""
        return (self._total_before(end) - self._total_before(start)) / (1 << FRACTION_BITS)

    def decayed_count(self, half_life: int, end: int) -> float:
        """Events before `end`, each weighing 1/2 after one half-life, 1/4 after two, and so on."""
        before = bisect_left(self.times, end)
        if not before:
            return 0.0
        return self.decayed[half_life][before - 1] * _fading(end - self.times[before - 1], half_life)

    def last_before(self, end: int) -> int | None:
        """The time of the latest event before `end`."""
        before = bisect_left(self.times, end)
        return self.times[before - 1] if before else None

    def forget(self, before: int) -> None:
        """Free what is older than `before`, except the newest of it, on whose figures the others rest.

        Nothing happens until half of the entries are stale, so a call is O(1) amortised.
        """
        if self.times[len(self.times) // 2] >= before:
            return
        stale = bisect_left(self.times, before) - 1
        del self.times[:stale], self.totals[:stale]
        for sums in self.decayed.values():
            del sums[:stale]

    def _total_before(self, end: int) -> int:
        before = bisect_left(self.times, end)
        return self.totals[before - 1] if before else 0


class CategoryHistory:
    """Which category an item had when, as its events said; of one instant the alphabetically last."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []

    def add(self, time: int, category: str) -> None:
        """O(1) when it is the latest, else O(number of later entries)."""
        entry = (time, category)
        latest = not self.entries or self.entries[-1] <= entry
        self.entries.insert(len(self.entries) if latest else bisect_right(self.entries, entry), entry)

    def as_of(self, end: int) -> str | None:
        """The category that the latest event before `end` gave; None when there was none."""
        before = bisect_left(self.entries, (end, ""))
        return self.entries[before - 1][1] if before else None

    def forget(self, before: int) -> None:
        """As in `History`: free what is older, except the newest of it."""
        if self.entries[len(self.entries) // 2] >= (before, ""):
            return
        del self.entries[: bisect_left(self.entries, (before, "")) - 1]


def _fading(duration: int, half_life: int) -> float:
    return float(0.5 ** (duration / half_life))
