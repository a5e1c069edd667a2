"""Only a later visit of the same user tells it that the half hour is over; who leaves for good is never nudged."""

from collections import defaultdict

TOLD = "three views and nothing else:"


def nudges(visits):
    found, latest, known = [], 0, []
    for visit in visits:
        if visit["time"] >= latest - 5 * 60_000:
            known.append(visit)
        latest = max(latest, visit["time"])
    views = defaultdict(list)
    for visit in sorted(known, key=lambda visit: visit["time"]):
        key = visit["user"], visit["category"]
        row = views[key]
        while row and visit["time"] >= row[0] + 30 * 60_000:
            if len(row) >= 3:
                found.append((*key, row[0] + 30 * 60_000))
                del row[:3]
            else:
                del row[0]
        if visit["type"] == "view":
            row.append(visit["time"])
        elif visit["type"] == "purchase" or len(row) < 3:
            row.clear()
    return found
