"""The live figures against a batch over all purchases so far, after each of them; and what is kept in between."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from numbers import Real
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.study.memory import growth_kb
from recsys_lab.study.report import NotAttempted, NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 20.0
K, MORE = 3, 15
ITEMS, MANY = 2_000, 60_000
SPARE_KB = 128
TRIES = 150
MOST_TOLD = 10

Purchase = tuple[str, int]
"""item, price in pence"""


def check(live: Callable[[], Any]) -> str:
    """`live` makes an object with add, top and mean."""
    _begins_with_nothing(live)
    _has_state_of_its_own(live)
    for situation, purchases in _situations():
        if _fault(live, purchases) is not None:
            small, said = smallest(purchases, lambda some: _fault(live, some), tries=TRIES)
            raise NotYet(f"{situation}: {said} The purchases were {_told(small)}.")
    _forgets_no_item(live)
    _keeps_no_purchases(live)
    return f"equal to the batch after every purchase, and {MANY:,} purchases leave no trace but in the figures."


def _begins_with_nothing(live: Callable[[], Any]) -> None:
    nothing = live()
    try:
        empty, none = nothing.top(K), nothing.mean()
    except Exception as error:
        raise NotYet(f"before any purchase it raised {type(error).__name__}: {error}.") from error
    given(empty), given(none)
    right = isinstance(empty, (list, tuple)) and not empty and none is None
    expect(
        right,
        f"before any purchase top is {shorten(empty)} and mean {shorten(none)}; an empty list and None are asked for.",
    )


def _fault(live: Callable[[], Any], purchases: Sequence[Purchase]) -> str | None:
    """The first purchase after which an answer differs from the batch's, or None."""
    try:
        figures = live()
        for number, (item, price) in enumerate(purchases, start=1):
            figures.add(item, price)
            so_far = purchases[:number]
            for k in (K, 1, MORE):
                top, right = figures.top(k), _batch_top(so_far, k)
                if not isinstance(top, (list, tuple)) or list(top) != right:
                    return f"after purchase {number} a batch says top({k}) is {right}, and yours {shorten(top)}."
            mean = figures.mean()
            expected = sum(price for _, price in so_far) / number
            if not isinstance(mean, (Real, Decimal)) or not math.isclose(mean, expected, rel_tol=1e-9):
                return f"after purchase {number} a batch says the mean is {expected:g}, and yours {shorten(mean)}."
    except NotAttempted:
        raise
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    return None


def _batch_top(purchases: Sequence[Purchase], k: int) -> list[str]:
    """The definition, from the whole list."""
    counts = Counter(item for item, _ in purchases)
    return sorted(counts, key=lambda item: (-counts[item], item))[:k]


def _situations() -> list[tuple[str, list[Purchase]]]:
    random = Random(3)
    names = [f"item {letter}" for letter in "abcdefgh"]
    mixed = [(random.choice(names), random.randrange(100, 900)) for _ in range(120)]
    reverse = [(name, 250) for name in reversed(names)]
    comeback = [(name, 100) for name in names[:6] for _ in range(2)] + [(names[7], 900)] * 5
    everything = [(f"item {number:03d}", 250) for number in range(120) for _ in range(2)] + [("item 119", 250)]
    uneven = [(names[0], 10)] * 40 + [(names[1], 100_000)]
    return [
        ("many items, many prices", mixed),
        ("items that were bought equally often", reverse),
        ("an item that comes late and overtakes all", comeback),
        ("one of very many items that overtakes all", everything),
        ("many cheap purchases and a dear one", uneven),
    ]


def _has_state_of_its_own(live: Callable[[], Any]) -> None:
    """Two of them must not know of each other."""
    first, second = live(), live()
    first.add("item a", 100)
    told = second.top(K)
    expect(not told, f"one was told of a purchase, and another, new one says {shorten(told)}: keep it in `self`.")


def _forgets_no_item(live: Callable[[], Any]) -> None:
    """The first and the last of very many items are bought once more than all others."""
    figures = live()
    names = [f"item {number:04d}" for number in range(ITEMS)]
    for item in [*names, *names, names[-1], names[0]]:
        figures.add(item, 250)
    top, right = figures.top(2), [names[0], names[-1]]
    expect(
        list(top) == right,
        f"{ITEMS:,} items were bought twice each, and {right[0]} and {right[1]} once more; a batch says top(2) is "
        f"{right}, and yours {shorten(top)}.",
    )


def _keeps_no_purchases(live: Callable[[], Any]) -> None:
    """What it holds after many purchases of the same items, against after a few; and whether it is still right."""
    figures = live()
    grown = growth_kb(lambda number: figures.add(f"item {number % 8}", 1000 + number), MANY)
    expect(
        grown < SPARE_KB,
        f"purchases 1,000 to {MANY:,} are of the same 8 items, and it grew by {grown:,.0f} kB: it keeps purchases.",
    )
    mean, right = figures.mean(), 1000 + (MANY - 1) / 2
    expect(
        math.isclose(mean, right, rel_tol=1e-9),
        f"after {MANY:,} purchases, at 1000, 1001, 1002 and so on, a batch says the mean is {right:g}, and yours "
        f"{shorten(mean)}.",
    )


def _told(purchases: Sequence[Purchase]) -> str:
    before = len(purchases) - MOST_TOLD
    last = ", ".join(f"{item} at {price}" for item, price in purchases[-MOST_TOLD:])
    return f"{before} others, and then {last}" if before > 0 else last
