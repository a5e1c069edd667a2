"""Batch against stream: a day's ten best-sellers, from a job that runs now and then and from counts kept up to date.

Both are right as of the moment up to which they have read. Between two runs the batch's list grows old; and each run
reads the whole day again.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd

from recsys_lab.errors import InvalidEvent, shorten

BEST = 10


def batch_and_stream(purchases: pd.DataFrame, *, every: int = 60) -> pd.DataFrame:
    """A row for each minute of a day in which something was bought.

    purchases: of one day, as `datasets.load` gives them. every: minutes between two runs of the batch; the first is at
    the first purchase. Raises InvalidEvent for an `every` below 1 and for no purchases.
    Columns: minute (since the first purchase), age (of the batch's list, in minutes), wrong (of its items, how many
    are not among the ten best now, or are missing), batch_read, stream_read (purchases read so far), every.
    """
    if every < 1 or purchases.empty:
        raise InvalidEvent(
            f"every is {shorten(every)}, purchases are {len(purchases)}; a minute and a purchase at least are needed."
        )
    minutes = (purchases["timestamp"] - purchases["timestamp"].min()) // pd.Timedelta(minutes=1)
    sold: Counter[str] = Counter()
    listed: list[str] = []
    ran, batch_read = -every, 0
    rows: list[tuple[int, ...]] = []
    for minute, bought in purchases["item_id"].groupby(minutes):
        due = int(minute) // every * every
        if due > ran:  # it ran before this minute's purchases, or right after the first ones
            ran, listed = due, _best(sold)
            batch_read += sold.total()
        sold.update(bought.astype(str))
        if not rows:
            listed, batch_read = _best(sold), sold.total()
        wrong = BEST - len(set(_best(sold)) & set(listed))
        rows.append((int(minute), int(minute) - ran, wrong, batch_read, sold.total(), every))
    return pd.DataFrame(rows, columns=["minute", "age", "wrong", "batch_read", "stream_read", "every"])


def _best(sold: Counter[str]) -> list[str]:
    return sorted(sold, key=lambda item: (-sold[item], item))[:BEST]
