"""Lives that end with `kill -9`: schedules drawn from a seed, run one life after the other.

A schedule is a number of crashes, each at a step of the work and at the so-many-th time that it is reached; after the
last of them comes a life that works to the end. What then lies in the topics is judged by an independent client.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys_lab.clock import IdSource
from tests.kafka.helpers import environment, make_topic, read, some_clicks, write_events

SERVER = Path(__file__).with_name("life_server.py")

STEPS = {
    "at-most-once": ("polled", "record", "processed", "sent", "committed"),
    "at-least-once": ("polled", "record", "processed", "sent", "committed"),
    "exactly-once": ("polled", "record", "processed", "sent", "offsets sent", "committed"),
}


@dataclass(frozen=True)
class Schedule:
    """consumers: threads in each life. batch: records polled at most. crashes: (step, the so-many-th time)."""

    seed: int
    delivery: str
    consumers: int
    batch: int
    crashes: tuple[tuple[str, int], ...]


def a_schedule(delivery: str, seed: int) -> Schedule:
    draw = random.Random(f"{delivery}-{seed}")
    batch = draw.choice([3, 5, 8, 500])
    crashes = []
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        step = draw.choice(STEPS[delivery])
        most = 3 if batch < 8 else 1
        crashes.append((step, draw.randint(1, 10 if step == "record" else most)))
    return Schedule(seed, delivery, draw.choice([1, 1, 2]), batch, tuple(crashes))


def a_system_schedule(delivery: str, seed: int) -> Schedule:
    """For the recommendation system, whose life has many small batches of several groups."""
    draw = random.Random(f"system-{delivery}-{seed}")
    crashes = [(draw.choice(STEPS[delivery]), draw.randint(1, 30)) for _ in range(draw.choice([1, 2]))]
    return Schedule(seed, delivery, 1, draw.choice([1, 5, 500]), tuple(crashes))


def a_life_of_a_system(seed: int, users: list[str]) -> dict[str, Any]:
    """What one life does and where it ends: an order for `life_server.answer`.

    early: the crash may come while it catches up, before it has answered.
    """
    draw = random.Random(f"life-{seed}")
    interactions = [
        (draw.choice(users), f"item-{draw.randrange(20)}", draw.choice(["view", "click", "purchase"]))
        for _ in range(12)
    ]
    step = draw.choice(STEPS["exactly-once"])
    crash = (step, draw.randint(1, 20 if step in ("record", "processed", "sent") else 8))
    return {
        "name": f"life {seed}", "delivery": "exactly-once", "batch": draw.choice([1, 5, 500]),
        "crash": crash, "early": draw.random() < 0.3, "interactions": interactions,
    }  # fmt: skip


class Lives:
    """A process that starts lives; see `life_server`."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def live(self, life: str, **order: Any) -> int:
        """How it ended: 0, or minus the signal."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps({"life": life, **order}) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def run(self, life: str, schedule: Schedule, **order: Any) -> None:
        """All lives of a schedule."""
        order = {**order, "delivery": schedule.delivery, "consumers": schedule.consumers, "batch": schedule.batch}
        ends = [self.live(life, crash=crash, **order) for crash in schedule.crashes]
        ends.append(self.live(life, crash=None, **order))
        assert set(ends) <= {0, -signal.SIGKILL}, f"lives ended with {ends}: {schedule}"
        assert ends[-1] == 0, f"the last life ended with {ends[-1]}: {schedule}"
        assert -signal.SIGKILL in ends, f"no crash came about: {schedule}"


@contextmanager
def the_lives() -> Iterator[Lives]:
    server = subprocess.Popen(
        [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    with server:
        yield Lives(server)
        assert server.stdin is not None
        server.stdin.close()


class Copying:
    """Lives that copy the same clicks, each schedule as a group of its own, to one topic that is read after each."""

    def __init__(self, servers: str, lives: Lives, count: int = 24) -> None:
        self.servers, self.lives = servers, lives
        self.clicks = some_clicks(count)
        self.topic = f"clicks-{IdSource(kind='unique')()}"
        self.output = f"{self.topic}-copies"
        for topic in (self.topic, f"{self.topic}.dlq", self.output):
            make_topic(servers, topic)
        write_events(servers, self.topic, self.clicks)
        self._ends = {str(record.partition): record.offset + 1 for record in read(servers, self.topic)}
        assert len(self._ends) == 3, "the clicks lie in all partitions"
        self._first: dict[int, int] = {}

    def run(self, schedule: Schedule) -> list[Any]:
        """What a schedule copied, as a reader of committed records sees it: partition by partition, in order."""
        name = f"{schedule.delivery}-{schedule.seed}-{self.topic}"
        self.lives.run(
            "copy", schedule, servers=self.servers, topic=self.topic, output=self.output, name=name, ends=self._ends
        )
        records = read(self.servers, self.output, first=self._first)
        self._first.update({record.partition: record.offset + 1 for record in records})
        copies = [record.event for record in records]
        strangers = [event for event in copies if event.session_id != name]
        assert not strangers, f"copies of another schedule turned up during {schedule}"
        return copies
