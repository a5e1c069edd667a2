"""Which view led to a purchase? Two streams, joined where user and item are the same and the times are close."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from recsys_lab.experiments.on_flink.morning import Visit, timed, visit
from recsys_lab.flink import DataStream, FlinkStreamProcessor


def shoppers() -> list[Visit]:
    """Eleven visits of three users: views, and purchases that come soon after, late, or out of nowhere."""
    return [
        visit("ann", "10:01", item="lamp"),
        visit("bob", "10:02", item="mug"),
        visit("ann", "10:06", "purchase", "lamp"),
        visit("cas", "10:03", "purchase", "rug"),
        visit("bob", "10:05", item="lamp"),
        visit("ann", "10:09", item="lamp"),
        visit("bob", "10:12", "purchase", "mug"),
        visit("ann", "10:14", "purchase", "lamp"),
        visit("cas", "10:15", item="rug"),
        visit("bob", "10:24", "purchase", "lamp"),
        visit("cas", "10:25", "purchase", "rug"),
    ]


def views_with_purchases(processor: FlinkStreamProcessor, *, wait: timedelta, minutes: int) -> DataStream:
    """(user, item, view, purchase) for each view and each purchase of the same that came at most so many minutes later.

    wait: how long the watermark waits for visits that come behind later ones. The times are epoch ms.
    """
    visits = timed(processor, shoppers(), wait)
    views, purchases = (
        visits.filter(lambda record, kind=kind: record["type"] == kind).key_by(_user_and_item)
        for kind in ("view", "purchase")
    )
    return views.interval_join(purchases).between(timedelta(0), timedelta(minutes=minutes)).process(_pair)


def joined(*, minutes: int = 10) -> pd.DataFrame:
    """Views and the purchases of the same item by the same user at most so many minutes later.

    A row for each pair, and one for each record that has none.
    Columns: user, item, viewed, bought (epoch ms; one of them is missing where there is no pair), minutes (that
    the join waits).
    """
    processor = FlinkStreamProcessor(checkpoint_interval=None)
    rows = views_with_purchases(processor, wait=timedelta(hours=1), minutes=minutes).execute_and_collect()
    for place, kind in ((2, "view"), (3, "purchase")):
        found = {(row[0], row[1], row[place]) for row in rows}
        alone = [(r["user"], r["item"], r["time"]) for r in shoppers() if r["type"] == kind]
        for user, item, time in alone:
            if (user, item, time) not in found:
                rows.append((user, item, time, None) if kind == "view" else (user, item, None, time))
    table = pd.DataFrame(rows, columns=["user", "item", "viewed", "bought"])
    table = table.astype({"viewed": "Int64", "bought": "Int64"})
    return table.sort_values(["user", "item", "viewed", "bought"], ignore_index=True).assign(minutes=minutes)


def _user_and_item(record: Visit) -> tuple[str, str]:
    return record["user"], record["item"]


def _pair(view: Visit, purchase: Visit, ctx: object) -> list[tuple[str, str, int, int]]:
    return [(view["user"], view["item"], view["time"], purchase["time"])]
