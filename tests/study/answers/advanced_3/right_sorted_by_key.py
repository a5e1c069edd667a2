"""What came too late is left out; the rest is sorted for each user and category, and read from left to right."""

from itertools import groupby
from operator import itemgetter

HALF_AN_HOUR = 30 * 60_000


def in_time(visits):
    latest = float("-inf")
    for visit in visits:
        if visit["time"] >= latest - 5 * 60_000:
            yield visit
        latest = max(latest, visit["time"])


def nudges(visits):
    interest = itemgetter("user", "category")
    ordered = sorted(in_time(visits), key=lambda visit: (interest(visit), visit["time"]))
    found = set()
    for (user, category), group in groupby(ordered, key=interest):
        row = list(group)
        place = 0
        while place < len(row):
            due = row[place]["time"] + HALF_AN_HOUR
            until = [visit["type"] for visit in row[place:] if visit["time"] < due]
            if until[:3] == ["view"] * 3 and "purchase" not in until:
                found.add((user, category, due))
                place += 3
            else:
                place += 1
    return sorted(found)
