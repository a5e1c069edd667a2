"""A quarter of an hour in a small shop: twelve records of two users, few enough to follow each by eye.

They stand in the order in which they arrive, which is not that in which they happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from recsys_lab.flink import DataStream, FlinkStreamProcessor, WatermarkStrategy, epoch_ms, moment_of

Visit = dict[str, Any]
"""user, type (view or purchase), item, time (epoch ms)."""

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)
MINUTE = 60_000


def at(clock: str) -> int:
    """Epoch ms of a time of that day, such as "10:04" or "10:04:40"."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return epoch_ms(DAY + timedelta(hours=hours, minutes=minutes, seconds=sum(seconds)))


def told(milliseconds: int) -> str:
    """A moment as people say it: `10:04`, or `10:04:40` where seconds matter."""
    moment = moment_of(milliseconds)
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def visit(user: str, clock: str, kind: str = "view", item: str = "lamp") -> Visit:
    """One record."""
    return {"user": user, "type": kind, "item": item, "time": at(clock)}


def a_morning() -> list[Visit]:
    """Twelve records as they arrive: four of them come after one that happened later."""
    return [
        visit("ann", "10:01"),
        visit("bob", "10:02:30", item="mug"),
        visit("ann", "10:04", item="rug"),
        visit("bob", "10:03:20", item="bag"),
        visit("bob", "10:06:30"),
        visit("ann", "10:04:40", "purchase", "rug"),
        visit("ann", "10:07:30"),
        visit("bob", "10:05:50", "purchase", "mug"),
        visit("ann", "10:12", item="bag"),
        visit("bob", "10:08", item="rug"),
        visit("ann", "10:16", "purchase", "bag"),
        visit("bob", "10:17"),
    ]


def user_of(record: Visit) -> str:
    """The key of a record."""
    user: str = record["user"]
    return user


def time_of(record: Visit, _: int) -> int:
    """The event time of a record."""
    time: int = record["time"]
    return time


def timed(processor: FlinkStreamProcessor, records: Any, bound: timedelta) -> DataStream:
    """A stream of records with their event times; it waits `bound` for those that come behind later ones."""
    return with_times(processor.add_source(records, name="visits"), bound)


def with_times(stream: DataStream, bound: timedelta) -> DataStream:
    """The same stream, with the event times of its records, and watermarks."""
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(bound).with_timestamp_assigner(time_of)
    return stream.assign_timestamps_and_watermarks(strategy)
