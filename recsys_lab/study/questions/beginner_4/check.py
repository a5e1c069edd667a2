"""Windows against the definition, computed anew from all that has come, after every purchase; and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate
from math import inf
from operator import and_
from random import Random
from typing import Any, NamedTuple

from recsys_lab import datasets, experiments
from recsys_lab.errors import shorten
from recsys_lab.study.memory import growth_kb
from recsys_lab.study.report import NotAttempted, NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 30.0
A_FEW, MANY = 3_000, 20_000
MOST_TOLD = 15
SPARE_KB = 128
A_DAY = ("2011-12-05", "2011-12-06")
PURCHASES = 1_200

Told = list[tuple[int, int]]
"""Start and count of each window that is told."""


class Setting(NamedTuple):
    """Seconds."""

    size: int
    bound: int
    lateness: int


def check(windows: Callable[..., Any]) -> str:
    """`windows` makes an object with add, end and late."""
    _has_state_of_its_own(windows)
    for situation, setting, times in _situations():
        if _fault(windows, setting, times) is not None:
            small, said = smallest(times, lambda some, setting=setting: _fault(windows, setting, some))  # type: ignore[misc]
            raise NotYet(
                f"{situation}: {said} The purchases, in order of arrival, happened at {_told(small)}; "
                f"size {setting.size}, bound {setting.bound}, lateness {setting.lateness}."
            )
    for many in (A_FEW, MANY):  # who looks at all that it keeps after each purchase would not come to the end of many
        _forgets(windows, many)
    late = definition(_real(), Setting(300, 30, 60))[-1].late
    return (
        f"{PURCHASES:,} real purchases in the order of their arrival, each counted once or told as late "
        f"({late} of them with a bound of 30 seconds), as brute force says; and what is over is forgotten."
    )


class Answer(NamedTuple):
    """What is told after a purchase, or at the end, and how many came too late so far."""

    told: Told
    late: int


def definition(times: Sequence[int], setting: Setting) -> list[Answer]:
    """What is right after each purchase, and last what is right at the end; straight from the rules, with no state.

    Watermark number n is that after n purchases. Whatever is told is counted anew, from the purchases themselves.
    """
    size, bound, lateness = setting
    watermarks = [-inf, *(highest - bound for highest in accumulate(times, max))]
    starts = [time // size * size for time in times]
    in_time = [mark < start + size + lateness for mark, start in zip(watermarks, starts, strict=False)]

    def ended(after: float, until: float, n: int) -> list[int]:
        return sorted({one for one in starts[:n] if after < one + size <= until})

    def counted(windows: Sequence[int], n: int) -> Told:
        counts = [(one, sum(map(and_, in_time[:n], map(one.__eq__, starts)))) for one in windows]
        return [(one, count) for one, count in counts if count]

    answers = []
    for n, start in enumerate(starts, start=1):
        before, now = watermarks[n - 1 : n + 1]
        corrected = in_time[n - 1] and before >= start + size
        told = [start] if corrected else ended(before, now, n) if now > before else []
        answers.append(Answer(counted(told, n), in_time[:n].count(False)))
    rest = ended(watermarks[-1], inf, len(times))
    return [*answers, Answer(counted(rest, len(times)), in_time.count(False))]


def _fault(windows: Callable[..., Any], setting: Setting, times: Sequence[int]) -> str | None:
    """The first thing that differs from the definition, or None."""
    try:
        mine = windows(setting.size, setting.bound, setting.lateness)
        *after_each, last = definition(times, setting)
        for number, (time, right) in enumerate(zip(times, after_each, strict=True), start=1):
            said = _differs(given(mine.add(time)), mine.late, right)
            if said:
                return f"at purchase {number}, of {time}, {said}"
        said = _differs(given(mine.end()), mine.late, last)
        return said and f"at the end {said}"
    except NotAttempted:
        raise
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."


def _differs(told: Any, late: Any, right: Answer) -> str | None:
    if not isinstance(told, (list, tuple)):
        return f"it gave {shorten(told)}; a list of (start, count) is needed."
    pairs = [tuple(each) if isinstance(each, (list, tuple)) else each for each in told]
    if pairs != right.told:
        return f"the windows told must be {shorten(right.told, 90)}, and yours are {shorten(pairs, 90)}."
    if isinstance(late, bool) or late != right.late:
        return f"the number of purchases too late is {right.late}, and your `late` says {shorten(late)}."
    return None


def _has_state_of_its_own(windows: Callable[..., Any]) -> None:
    """Two of them must not know of each other."""
    setting = Setting(10, 0, 0)
    first, second = windows(*setting), windows(*setting)
    given(first.add(5))
    told = given(second.end())
    expect(
        not told,
        f"one was given a purchase, and another, new one tells {shorten(told)}: keep what you know in `self`.",
    )


@cache
def _real() -> list[int]:
    """Seconds at which real purchases of a day happened, in the order in which they arrive."""
    purchases = datasets.load("online-retail")
    day = purchases[(purchases["timestamp"] >= A_DAY[0]) & (purchases["timestamp"] < A_DAY[1])]
    return [row.time // 1000 for row in experiments.arrivals(day.head(PURCHASES), seed=4)]


@cache
def _situations() -> list[tuple[str, Setting, list[int]]]:
    random = Random(4)
    near = [[max(0, 2 * n - random.randrange(30)) for n in range(60)] for _ in range(4)]
    return [
        ("purchases in order", Setting(10, 0, 0), [0, 3, 9, 10, 19, 25, 40, 70, 71, 80]),
        ("purchases a little out of order", Setting(10, 5, 0), [3, 12, 8, 14, 9, 16, 22, 18, 27, 31, 29, 45]),
        ("a long silence, and several windows that end at once", Setting(10, 20, 5), [1, 12, 25, 7, 90, 91, 200]),
        ("late purchases, some of them too late", Setting(10, 2, 15), [1, 13, 5, 24, 9, 26, 30, 8, 27, 2, 60, 44]),
        ("purchases at the very moment at which their window is forgotten, and one before", Setting(10, 0, 5),
         [3, 14, 7, 15, 8, 24, 12, 25, 13]),
        ("a window whose first purchase is late", Setting(10, 0, 50), [5, 40, 12, 13, 61, 47]),
        *(("purchases in disorder", Setting(10, bound, lateness), times)
          for times, (bound, lateness) in zip(near, [(0, 0), (5, 10), (10, 0), (20, 7)], strict=True)),
        *(("real purchases", setting, _real())
          for setting in (Setting(300, 30, 60), Setting(300, 0, 600), Setting(60, 120, 0))),
    ]  # fmt: skip


def _forgets(windows: Callable[..., Any], many: int) -> None:
    """What it holds after many windows that are over and many purchases too late, against after a few."""
    mine = windows(10, 5, 20)
    grown = growth_kb(lambda number: (mine.add(10 * number), mine.add(max(0, 10 * number - 100))), many)
    expect(
        grown < SPARE_KB,
        f"{many:,} windows one after the other, at most five of them open, a purchase in each and one that comes too "
        f"late, and it grew by {grown:,.0f} kB: it keeps what is over.",
    )


def _told(times: Sequence[int]) -> str:
    before = len(times) - MOST_TOLD
    last = ", ".join(map(str, times[-MOST_TOLD:]))
    return f"{before} other times, and then {last}" if before > 0 else last
