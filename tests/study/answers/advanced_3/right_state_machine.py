"""A buffer that lets visits go in order of time, and for each user and category the views in a row."""

import heapq
from collections import defaultdict

MINUTE = 60_000


def nudges(visits):
    found, buffer, highest = [], [], None
    kept = defaultdict(list)

    def handle(visit):
        key = visit["user"], visit["category"]
        out_of_time(visit["time"], key)
        rows = kept[key]
        if visit["type"] == "view":
            for row in rows:
                if len(row) < 3:
                    row.append(visit["time"])
            rows.append([visit["time"]])
        elif visit["type"] == "purchase":
            rows.clear()
        else:
            rows[:] = [row for row in rows if len(row) == 3]

    def out_of_time(now, key):
        rows = kept[key]
        while rows and now >= rows[0][0] + 30 * MINUTE:
            row = rows.pop(0)
            if len(row) == 3:
                found.append((*key, row[0] + 30 * MINUTE))
                rows[:] = [other for other in rows if other[0] > row[2]]

    for number, visit in enumerate(visits):
        if highest is not None and visit["time"] < highest - 5 * MINUTE:
            continue
        heapq.heappush(buffer, (visit["time"], number, visit))
        highest = max(visit["time"], highest or 0)
        while buffer and buffer[0][0] < highest - 5 * MINUTE:
            handle(heapq.heappop(buffer)[2])
    while buffer:
        handle(heapq.heappop(buffer)[2])
    for key in list(kept):
        out_of_time(float("inf"), key)
    return found
