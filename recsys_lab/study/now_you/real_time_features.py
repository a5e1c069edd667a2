"""The "now you" checks of notebook 02."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.study.report import Report, expect, given, judge

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def count_in_window(answer: Any) -> Report:
    """A function of the times of events, a moment and a window: how many events lie in [moment - window, moment)."""

    def check(count: Callable[[Sequence[datetime], datetime, timedelta], Any]) -> str:
        for situation, minutes, right in _TIMES:
            times = [NOON + timedelta(minutes=minute) for minute in minutes]
            told = given(count(times, NOON, HOUR))
            expect(told == right, f"{situation}: {right} of {len(times)} count, and yours says {shorten(told)}.")
        return "the past counts, the moment itself and all that comes after it does not."

    return judge(check, answer)


def differing_features(answer: Any) -> Report:
    """A function of a training row and the vector that was served: the names of the features that differ."""

    def check(differing: Callable[[dict[str, float], dict[str, float]], Any]) -> str:
        for situation, trained, served, right in _VECTORS:
            told = given(differing(dict(trained), dict(served)))
            expect(
                isinstance(told, (list, tuple, set, frozenset)) and sorted(told) == right,
                f"{situation}: {right} was expected, and yours says {shorten(told)}.",
            )
        return "it finds values that differ and features that one of the two lacks, in any order."

    return judge(check, answer)


def personal_score(answer: Any) -> Report:
    """A function of a candidate, the user's recent items and a relation (two items to 0 … 1): a score, 0 to 1."""

    def check(score: Callable[[str, Sequence[str], Callable[[str, str], float]], Any]) -> str:
        of = {item_id: given(score(item_id, ["lamp", "desk"], _relation)) for item_id in ("bulb", "shade", "rug")}
        shown = ", ".join(f"{item_id} {shorten(value)}" for item_id, value in of.items())
        expect(
            len(set(of.values())) > 1,
            f"after a lamp and a desk every item scores the same ({shown}): its order is chance.",
        )
        expect(
            of["bulb"] > of["shade"] > of["rug"],
            f"a bulb goes with a lamp best, a shade less, a rug hardly; yours says {shown}.",
        )
        many = score("bulb", ["lamp"] * 100, _relation)
        expect(0 <= many <= 1, f"after a hundred lamps the bulb scores {shorten(many)}; 0 to 1 was asked for.")
        less = score("shade", ["lamp"] * 100, _relation)
        expect(many > less, "after a hundred lamps bulb and shade score the same: what is cut off at 1 has no order.")
        return "the item decides, more evidence never leaves 0 to 1, and the order survives a busy user."

    return judge(check, answer)


_TIMES = (
    ("two events within the last hour, one of yesterday", (-5, -30, -1440), 2),
    ("an event at the moment that is asked about", (0, -5), 1),
    ("an event in the future", (5, -5), 1),
    ("an event exactly one hour before", (-60,), 1),
    ("an event one hour and one minute before", (-61,), 0),
    ("times in any order", (10, -10, -70, -20, 0), 2),
    ("no events", (), 0),
)

_VECTORS: tuple[tuple[str, Mapping[str, float], Mapping[str, float], list[str]], ...] = (
    ("equal vectors", {"clicks": 1.0, "views": 2.0}, {"views": 2.0, "clicks": 1.0}, []),
    ("another count", {"clicks": 1.0, "views": 2.0}, {"clicks": 1.0, "views": 3.0}, ["views"]),
    ("all of them differ", {"clicks": 1.0, "views": 2.0}, {"clicks": 0.0, "views": 3.0}, ["clicks", "views"]),
    ("a feature that was not served", {"clicks": 1.0, "views": 0.0}, {"clicks": 1.0}, ["views"]),
    ("a feature that was not trained on", {"clicks": 1.0}, {"clicks": 1.0, "views": 0.0}, ["views"]),
)

_RELATIONS = {"bulb": 0.9, "shade": 0.5, "rug": 0.1}


def _relation(item_a: str, item_b: str) -> float:
    """How well the things go with a lamp; nothing goes with a desk."""
    pair = {item_a, item_b}
    return next((value for item_id, value in _RELATIONS.items() if pair == {item_id, "lamp"}), 0.0)
