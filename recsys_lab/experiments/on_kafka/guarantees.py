"""Delivery guarantees under `kill -9`: what is lost, what is doubled, counted event by event.

A consumer copies twenty events from one topic to another, five at a time. In its second batch, at a step of our
choice, it is killed, as a power cut would. Then it is started again and works to the end. The copy is read as anybody
would read it who wants committed records only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

from recsys_lab.errors import BrokerError, InvalidEvent, shorten
from recsys_lab.experiments.on_kafka.topics import fresh_name, fresh_topic, read_topic
from recsys_lab.experiments.on_kafka.visits import send_visits, visit
from recsys_lab.kafka.processor import DELIVERIES

EVENTS = 20
BATCH = 5

CRASH_POINTS = ("polled", "record", "processed", "sent", "committed")
"""Where the consumer can be killed: it has the batch, it worked on three of its events, on all, it sent the results,
it committed. At most once commits before it works, so there the last comes second."""

_CRASHES = {"polled": 2, "record": BATCH + 3, "processed": 2, "sent": 2, "committed": 2}
"""At the so-many-th time that the step is reached: always in the second batch."""

LIFE = Path(__file__).with_name("life.py")
CHECKOUT = LIFE.parents[3]

LIFE_SECONDS = 90.0


def crashes(servers: str, cases: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """A run with one crash for each case (guarantee, crash point), one after the other.

    Columns: delivery, crash, event (1 to 20), worked (how often it was worked on, in both lives), copies (how often it
    stands in the other topic). It takes two lives of about a second each; a case seen before is not run again.
    """
    return pd.concat([_crash(servers, delivery, point) for delivery, point in cases], ignore_index=True)


@cache
def _crash(servers: str, delivery: str, point: str) -> pd.DataFrame:
    if delivery not in DELIVERIES:
        raise InvalidEvent(f"delivery is {shorten(delivery)}; one of {', '.join(DELIVERIES)} is needed.")
    if point not in CRASH_POINTS:
        raise InvalidEvent(f"crash is {shorten(point)}; one of {', '.join(CRASH_POINTS)} is needed.")
    visits = [visit(number) for number in range(1, EVENTS + 1)]
    topic, output = (fresh_topic(servers, name, partitions=1) for name in ("visits", "copies"))
    send_visits(servers, topic, visits)
    with tempfile.TemporaryDirectory() as folder:
        diary = Path(folder) / "diary.txt"
        order = {
            "servers": servers, "topic": topic, "output": output, "group": fresh_name("copier"), "delivery": delivery,
            "batch": BATCH, "instance": "copier", "last": visits[-1].event_id, "diary": str(diary),
        }  # fmt: skip
        _live({**order, "crash": [point, _CRASHES[point]]}, ends_with=-signal.SIGKILL)
        _live({**order, "crash": None}, ends_with=0)
        worked = Counter(diary.read_text(encoding="utf-8").split())
    copies = Counter(json.loads(value)["event_id"] for value in read_topic(servers, output)["value"])
    rows = [
        (delivery, point, number, worked[event.event_id], copies[event.event_id])
        for number, event in enumerate(visits, start=1)
    ]
    return pd.DataFrame(rows, columns=["delivery", "crash", "event", "worked", "copies"])


def _live(order: dict[str, object], *, ends_with: int) -> None:
    """One life, from the start of the program to its end. Raises BrokerError when it ends in another way."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(LIFE), json.dumps(order)], env={**os.environ, "PYTHONPATH": path},
        timeout=LIFE_SECONDS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != ends_with:
        raise BrokerError(
            f"the consumer ended with {done.returncode}, not with {ends_with}; it said: {done.stderr[-500:]}"
        )
