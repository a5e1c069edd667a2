"""Three readers of one stream: a quick one, a slow one, and one that fails now and then.

The stream is bounded. Nobody waits for the slow reader, and nobody stops for the failing one: the first falls
behind until events fall off the log before it has seen them, and is told how many; the second's events and
errors go to the dead letters.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime

import pandas as pd

from recsys_lab.clock import IdSource, SimulatedClock
from recsys_lab.errors import InvalidEvent, shorten
from recsys_lab.events import StreamEvent, UserInteractionEvent
from recsys_lab.experiments.running import run
from recsys_lab.streams import EventStream


def subscribers(*, slow_seconds: float = 3.0, held: int = 20, events: int = 120, fails_every: int = 10) -> pd.DataFrame:
    """An event a second for three readers, then as long as the slow one still works; looked at every second.

    slow_seconds: what the slow reader needs for an event. held: events the stream holds. events: how many are
    published. fails_every: at 10, every tenth event makes the failing reader raise.
    Columns: second, reader (quick, slow, failing), published, lag, delivered, missed, errors, dead_letters
    (of the stream, all readers together). The clock is simulated, so the table is the same on every run.
    Raises InvalidEvent for a number that is not above 0.
    """
    for name, value in (
        ("slow_seconds", slow_seconds),
        ("held", held),
        ("events", events),
        ("fails_every", fails_every),
    ):
        if value <= 0:
            raise InvalidEvent(f"{name} is {shorten(value)}; a number above 0 is needed.")
    return run(_subscribers(slow_seconds, held, events, fails_every))


async def _subscribers(slow_seconds: float, held: int, events: int, fails_every: int) -> pd.DataFrame:
    clock, ids = SimulatedClock(), IdSource()
    stream = EventStream("interactions", max_size=held)

    def quick(event: StreamEvent) -> None:
        """Done at once."""

    async def slow(event: StreamEvent) -> None:
        await clock.sleep(slow_seconds)

    def failing(event: StreamEvent) -> None:
        number = int(event.event_id.split("-")[1])
        if number % fails_every == 0:
            raise ValueError(f"event {number} is more than this reader can take")

    readers = [stream.subscribe(reader, name=reader.__name__) for reader in (quick, slow, failing)]
    rows = []

    async def publish_and_look() -> None:
        for second in itertools.count():
            if second < events:
                stream.publish(_a_view(ids(), clock.now()))
            for r in readers:
                counts = (stream.next_offset, r.lag, r.delivered, r.missed, r.errors, len(stream.dead_letters))
                rows.append((second, r.name, *counts))
            if second >= events and not any(r.lag for r in readers):
                return
            await clock.sleep(1)

    publisher = asyncio.create_task(publish_and_look())
    await clock.run_until_idle()
    await publisher
    columns = ["second", "reader", "published", "lag", "delivered", "missed", "errors", "dead_letters"]
    return pd.DataFrame(rows, columns=columns)


def _a_view(event_id: str, at: datetime) -> UserInteractionEvent:
    return UserInteractionEvent(event_id=event_id, timestamp=at, user_id="ann", item_id="lamp", interaction_type="view")
