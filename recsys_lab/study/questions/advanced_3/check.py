"""The nudges of a stream against the definition, tried on every row of visits, in order and out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from numbers import Real
from random import Random
from typing import Any, NamedTuple

from recsys_lab.errors import shorten
from recsys_lab.study.report import NotAttempted, NotYet, given
from recsys_lab.study.shrink import smallest

SECONDS = 120.0
MOST_TOLD = 10
START = 1_767_261_600_000
"""2026-01-01T10:00Z in epoch ms; visits are told in minutes from here, as times of day."""
MINUTE = 60_000
BOUND_MS, WITHIN_MS, VIEWS = 5 * MINUTE, 30 * MINUTE, 3

Nudge = tuple[str, str, int]


class Visit(NamedTuple):
    """minute: from 10:00; the name of the hour is left to `_clock`."""

    minute: float
    kind: str = "view"
    user: str = "ann"
    category: str = "lamps"

    @property
    def time(self) -> int:
        """In epoch ms."""
        return START + round(self.minute * MINUTE)

    def handed(self) -> dict[str, Any]:
        """As the answer gets it."""
        return {"user": self.user, "category": self.category, "type": self.kind, "time": self.time}

    def __str__(self) -> str:
        return f"{_clock(self.minute)} {self.user} {self.kind} {self.category}"


def check(nudges: Callable[[list[dict[str, Any]]], Any]) -> str:
    """`nudges(visits)` gives (user, category, time) for each nudge, in any order."""
    courses = _situations()
    for situation, visits in courses:
        if _fault(nudges, visits) is not None:
            small, said = smallest(visits, lambda some: _fault(nudges, some), tries=300)
            raise NotYet(f"{situation}: {said} As they arrived: {', '.join(map(str, small)) or 'none'}.")
    return f"the same nudges as by the definition, in {len(courses)} streams, in order and out of it."


def _fault(nudges: Callable[[list[dict[str, Any]]], Any], visits: Sequence[Visit]) -> str | None:
    """What is nudged too often or not at all, or None."""
    right = Counter(definition(visits))
    try:
        given_back = nudges([visit.handed() for visit in visits])
        found = _as_nudges(given(given_back))
    except NotAttempted:
        raise
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    if found is None:
        return f"a list of (user, category, time in ms) is needed, and this is {shorten(given_back)}."
    missing, added = sorted((right - Counter(found)).elements()), sorted((Counter(found) - right).elements())
    said = [f"{word} {_told(some)}" for word, some in (("missing:", missing), ("not asked for:", added)) if some]
    return f"nudges are {'; '.join(said)}." if said else None


def definition(visits: Sequence[Visit]) -> list[Nudge]:
    """The nudges, by trying every row of visits. visits: as they arrive."""
    known: list[Visit] = []
    for visit in visits:
        if all(visit.time >= other.time - BOUND_MS for other in visits[: visits.index(visit)]):
            known.append(visit)
    found = []
    for user, category in sorted({(visit.user, visit.category) for visit in known}):
        mine = [visit for visit in known if (visit.user, visit.category) == (user, category)]
        row = sorted(mine, key=lambda visit: visit.time)  # at equal times they stay in the order of arrival
        free_from = 0
        for first in range(len(row)):
            over = row[first].time + WITHIN_MS
            views = row[first : first + VIEWS]
            bought = any(visit.kind == "purchase" and visit.time < over for visit in row[first:])
            in_a_row = len(views) == VIEWS and all(visit.kind == "view" and visit.time < over for visit in views)
            if first >= free_from and in_a_row and not bought:
                found.append((user, category, over))
                free_from = first + VIEWS
    return found


def _situations() -> list[tuple[str, list[Visit]]]:
    three = [Visit(0), Visit(2), Visit(4)]
    hand_made = [
        ("no visit at all", []),
        ("three views and nothing else", three),
        ("two views", three[:2]),
        ("a purchase after three views", [*three, Visit(20, "purchase")]),
        ("a purchase before three views", [Visit(-2, "purchase"), *three, Visit(40)]),
        ("a purchase between the views", [*three[:2], Visit(3, "purchase"), Visit(4), Visit(40)]),
        ("something else between the views", [*three[:2], Visit(3, "basket"), Visit(4), Visit(40)]),
        ("something else after the views", [*three, Visit(6, "basket"), Visit(40)]),
        ("views of two categories", [Visit(0), Visit(1, category="rugs"), Visit(2), Visit(3, category="rugs")]),
        ("a purchase in another category", [*three, Visit(6, "purchase", category="rugs"), Visit(40)]),
        ("another user's purchase", [*three, Visit(6, "purchase", user="bob"), Visit(40)]),
        ("another user between the views", [Visit(0), Visit(1, user="bob"), Visit(2), Visit(3, user="bob"), Visit(4)]),
        ("a purchase when the half hour is over", [*three, Visit(30, "purchase")]),
        ("a purchase in the last moment", [*three, Visit(29.9, "purchase")]),
        ("a purchase half an hour after the last view", [*three, Visit(32, "purchase")]),
        ("views that are far apart", [Visit(0), Visit(15), Visit(29.9), Visit(70)]),
        ("views that are too far apart", [Visit(0), Visit(15), Visit(30), Visit(70)]),
        ("slow views, and then quick ones", [Visit(0), Visit(20), Visit(31), Visit(33), Visit(80)]),
        ("four views", [*three, Visit(6), Visit(60)]),
        ("six views", [*three, Visit(6), Visit(8), Visit(10), Visit(60)]),
        ("six views, and then a purchase", [*three, Visit(24), Visit(26), Visit(28), Visit(33, "purchase")]),
        ("something else at the same time, after it", [*three, Visit(4, "basket"), Visit(40)]),
        ("something else at the same time, before it", [*three[:2], Visit(4, "basket"), Visit(4), Visit(40)]),
        ("views that arrive out of order", [Visit(4), Visit(0), Visit(2), Visit(40)]),
        ("a purchase that arrives behind later visits", [*three, Visit(30, user="bob"), Visit(26, "purchase")]),
        ("a purchase that arrives before the views", [Visit(5, "purchase"), Visit(1), Visit(2), Visit(4), Visit(40)]),
        ("a visit that is exactly 5 minutes behind", [Visit(0), Visit(2), Visit(9, user="bob"), Visit(4), Visit(40)]),
        ("a visit more than 5 minutes behind", [Visit(0), Visit(2), Visit(9.1, user="bob"), Visit(4), Visit(40)]),
        ("a purchase that is more than 5 minutes behind", [*three, Visit(31, user="bob"), Visit(25, "purchase")]),
        ("the last half hour of the stream", [Visit(-60, user="bob"), *three]),
    ]  # fmt: skip
    return hand_made + [(f"a random stream, number {seed}", _random(seed)) for seed in range(60)]


def _random(seed: int) -> list[Visit]:
    """Forty visits, each at a moment of its own; most arrive in time, some behind others, a few too late."""
    random = Random(seed)
    minutes = random.sample(range(10 * 90), 40)
    visits = [
        Visit(
            minute / 10,
            random.choice(["view"] * 8 + ["basket", "purchase"]),
            random.choice(("ann", "bob")),
            random.choice(("lamps", "rugs")),
        )
        for minute in minutes
    ]
    delays = {visit: random.choice((0, 0, 0, 1, 3, 5, 9)) for visit in visits}
    return sorted(visits, key=lambda visit: (visit.minute + delays[visit], visit))


def _as_nudges(found: Any) -> list[Nudge] | None:
    """The nudges that were given, or None where they are none."""
    if not isinstance(found, (list, tuple, set)):
        return None
    nudges = [tuple(each) if isinstance(each, (list, tuple)) else () for each in found]
    right = all(
        len(each) == 3 and isinstance(each[0], str) and isinstance(each[1], str) and isinstance(each[2], Real)
        for each in nudges
    )
    return nudges if right else None


def _told(nudges: Sequence[Nudge]) -> str:
    more = f" and {len(nudges) - MOST_TOLD:,} more" if len(nudges) > MOST_TOLD else ""
    told = (
        f"{user} for {category} at {_clock((time - START) / MINUTE)}" for user, category, time in nudges[:MOST_TOLD]
    )
    return ", ".join(told) + more


def _clock(minute: float) -> str:
    seconds = 10 * 3600 + round(minute * 60)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
