"""A table of the visits, with pandas; times come out of it as NumPy's numbers."""

import pandas as pd

BEHIND = pd.Timedelta(minutes=5) // pd.Timedelta(milliseconds=1)
HALF_AN_HOUR = pd.Timedelta(minutes=30) // pd.Timedelta(milliseconds=1)


def nudges(visits):
    table = pd.DataFrame(visits, columns=["user", "category", "type", "time"])
    table = table[table["time"] >= table["time"].cummax() - BEHIND].sort_values("time", kind="stable")
    found = []
    for (user, category), own in table.groupby(["user", "category"]):
        rest = own.reset_index(drop=True)
        while len(rest) >= 3:
            due = rest["time"][0] + HALF_AN_HOUR
            within = rest.loc[rest["time"] < due, "type"]
            nudged = list(within[:3]) == ["view"] * 3 and "purchase" not in set(within)
            if nudged:
                found.append((user, category, due))
            rest = rest[3 if nudged else 1 :].reset_index(drop=True)
    return found
