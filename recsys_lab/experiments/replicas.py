"""Regions that copy each other's state over a bad network: what is promised, and what a lost region takes with it.

A discrete-event simulation. Every region sends its whole state to every other one, every so often. A message takes a
random time, so that messages overtake each other; some are dropped, some arrive twice; a region can be cut off from the
others for a while, or lost with all that it held. A write is acknowledged when enough regions are known to have it.

RPO (recovery point objective): how old the oldest acknowledged write is that a lost region takes with it, in seconds;
0 when it takes none. RTO (recovery time objective): how long after the loss the next region, to which users are led,
has every acknowledged write of the lost one that is left. Both are measured here, schedule by schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple, Protocol

import pandas as pd
import simpy

REGIONS = ("asia", "eu", "us")
SECONDS = 30.0
DETECT_S = 3.0
BACK_S = 8.0
DROPPED, DOUBLED, SLOW = 0.1, 0.1, 0.05
QUICK_S, SLOW_S = (0.02, 0.3), (0.3, 3.0)


class Act(NamedTuple):
    """What a user does. kind: view, wish, unwish (of an item) or language (to one). at_ms: on that region's clock."""

    user: str
    kind: str
    what: str
    at_ms: int


class Write(NamedTuple):
    """An act in a region, at a time in seconds."""

    at_s: float
    region: str
    act: Act


class Written(NamedTuple):
    """A write that was made. region: with its number of lives. seen: numbers of the writes that were known there."""

    at_s: float
    region: str
    act: Act
    seen: frozenset[int]


class Schedule(NamedTuple):
    """What happens to the regions. cut: which one is cut off, from when until when. lost: which one, when; in s."""

    seed: int
    cut: tuple[str, float, float] | None
    lost: tuple[str, float] | None


class Message(NamedTuple):
    """A copy of a message, as it travelled. arrived_s: None where it did not."""

    sent_s: float
    arrived_s: float | None
    sender: str
    to: str
    number: int


class Replica(Protocol):
    """What keeps a region's state; messages carry what `state` gives to another one's `merge`."""

    def apply(self, act: Act) -> None:
        """Something that happens in this region."""
        ...

    def state(self) -> Any:
        """What the others are sent."""
        ...

    def merge(self, state: Any) -> None:
        """What another one sent."""
        ...


class Nothing:
    """A replica that keeps nothing: for experiments that only ask which writes have come where."""

    def apply(self, act: Act) -> None:
        """Nothing."""

    def state(self) -> None:
        """Nothing."""

    def merge(self, state: Any) -> None:
        """Nothing."""


class Node:
    """A region for as long as it lives: its replica, and the numbers of the writes that it knows."""

    def __init__(self, name: str, replica: Replica) -> None:
        self.name = name
        self.replica = replica
        self.known: set[int] = set()
        self.copies: dict[int, set[str]] = {}


class Network:
    """Messages between regions, for better or worse."""

    def __init__(self, env: simpy.Environment, schedule: Schedule) -> None:
        self.env = env
        self.random = Random(schedule.seed)
        self.cut = schedule.cut
        self.down: set[str] = set()
        self.calm = False
        self.log: list[Message] = []
        self._sent = 0

    def reaches(self, sender: str, to: str) -> bool:
        """Whether a message can pass between the two at this moment."""
        if self.cut is not None and self.cut[0] in (sender, to) and self.cut[1] <= self.env.now < self.cut[2]:
            return False
        return not self.down & {sender, to}

    def send(self, sender: str, to: str, deliver: Callable[[], None]) -> None:
        """Send a message; `deliver` is called when it arrives: never, once, or twice."""
        self._sent += 1
        dropped, doubled = self.random.random() < DROPPED, self.random.random() < DOUBLED
        if not self.calm and (dropped or not self.reaches(sender, to)):
            self.log.append(Message(self.env.now, None, sender, to, self._sent))
            return
        for _ in range(2 if doubled else 1):
            self.env.process(self._travel(sender, to, deliver, self._sent))

    def _travel(
        self, sender: str, to: str, deliver: Callable[[], None], number: int
    ) -> Generator[simpy.Event, Any, None]:
        sent = self.env.now
        yield self.env.timeout(self.random.uniform(*(SLOW_S if self.random.random() < SLOW else QUICK_S)))
        arrives = self.reaches(sender, to)
        self.log.append(Message(sent, self.env.now if arrives else None, sender, to, number))
        if arrives:
            deliver()


class World:
    """Regions, users and a network, under a schedule; `run` lets it go on until the network has been calm for long."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        every_s: float,
        copies: int,
        make: Callable[[str], Replica] = lambda name: Nothing(),
        writes: Sequence[Write] | None = None,
    ) -> None:
        self.schedule, self.every_s, self.copies = schedule, every_s, copies
        self.env = simpy.Environment()
        self.network = Network(self.env, schedule)
        self.written: list[Written] = []
        self.acknowledged: dict[int, float] = {}
        self.recovered_s: float | None = None
        self.gone: Node | None = None
        self._make = make
        self.nodes = {name: Node(name, make(name)) for name in REGIONS}
        self._random = Random(schedule.seed + 1_000_000)
        for write in random_writes(schedule.seed) if writes is None else writes:
            self.env.process(self._write(write))
        for name in REGIONS:
            self.env.process(self._gossip(name))
        if schedule.lost is not None:
            self.env.process(self._lose(*schedule.lost))

    def run(self) -> World:
        """To the end: the bad time, and a good one that is long enough for every region to hear of everything."""
        self.env.run(until=SECONDS)
        self.network.calm, self.network.cut = True, None
        self.env.run(until=SECONDS + 3 * self.every_s + 3 * SLOW_S[1])
        return self

    @property
    def rpo_s(self) -> float | None:
        """Age of the oldest acknowledged write that went with the lost region; None where none was lost."""
        if self.schedule.lost is None:
            return None
        left = set[int]().union(*(node.known for node in self.nodes.values()))
        ages = [self.schedule.lost[1] - self.written[number].at_s for number in self.acknowledged if number not in left]
        return max(ages, default=0.0)

    @property
    def rto_s(self) -> float | None:
        """From the loss until the next region has what is left of the lost one's acknowledged writes; or None."""
        if self.schedule.lost is None or self.recovered_s is None:
            return None
        return self.recovered_s - self.schedule.lost[1]

    def waits(self) -> list[tuple[float, bool, float]]:
        """For each write in a region that is not cut off: when (s), whether another one was, and how long it waited
        to be acknowledged (infinite where it was not; left out where its region was lost meanwhile)."""
        cut, lost, rows = self.schedule.cut, self.schedule.lost, []
        for number, write in enumerate(self.written):
            while_cut = cut is not None and cut[1] <= write.at_s < cut[2]
            home = write.region.partition(" ")[0]
            if (while_cut and cut is not None and home == cut[0]) or (lost is not None and write.region == lost[0]):
                continue
            rows.append((write.at_s, while_cut, self.acknowledged.get(number, float("inf")) - write.at_s))
        return rows

    def _write(self, write: Write) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(write.at_s)
        region = write.region
        if region in self.network.down:  # users are led to the next region, as soon as the loss is noticed
            if self.schedule.lost is None or write.at_s < self.schedule.lost[1] + DETECT_S:
                return
            region = next_region(region)
        node, number = self.nodes[region], len(self.written)
        self.written.append(Written(self.env.now, node.name, write.act, frozenset(node.known)))
        node.known.add(number)
        node.copies[number] = {region}
        node.replica.apply(write.act)
        self._acknowledge(node, number)

    def _gossip(self, region: str) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(self._random.uniform(0, self.every_s))
        while True:
            if region not in self.network.down:
                node = self.nodes[region]
                state, known = copied(node.replica.state()), frozenset(node.known)
                for other in REGIONS:
                    if other != region:
                        self.network.send(region, other, self._told(node, region, other, state, known))
            yield self.env.timeout(self.every_s)

    def _told(self, sender: Node, home: str, to: str, state: Any, known: frozenset[int]) -> Callable[[], None]:
        def receipt() -> None:
            if self.nodes[home] is sender:
                for number in known & sender.copies.keys():
                    sender.copies[number].add(to)
                    self._acknowledge(sender, number)

        def deliver() -> None:
            node = self.nodes[to]
            node.replica.merge(copied(state))
            node.known |= known
            self._look_whether_recovered()
            self.network.send(to, home, receipt)

        return deliver

    def _acknowledge(self, node: Node, number: int) -> None:
        if len(node.copies[number]) >= self.copies and number not in self.acknowledged:
            self.acknowledged[number] = self.env.now

    def _lose(self, region: str, at_s: float) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(at_s)
        self.gone = self.nodes[region]
        self.network.down.add(region)
        self.nodes[region] = Node(f"{region} 2", self._make(f"{region} 2"))
        yield self.env.timeout(DETECT_S)
        self._look_whether_recovered()
        yield self.env.timeout(BACK_S - DETECT_S)
        self.network.down.remove(region)

    def _look_whether_recovered(self) -> None:
        lost = self.schedule.lost
        if self.gone is None or lost is None or self.recovered_s is not None or self.env.now < lost[1] + DETECT_S:
            return
        theirs = {number for number in self.acknowledged if self.written[number].region == self.gone.name}
        left = theirs.intersection(set[int]().union(*(node.known for node in self.nodes.values())))
        if left <= self.nodes[next_region(lost[0])].known:
            self.recovered_s = self.env.now


def copied(state: Any) -> Any:
    """A message is a copy: nothing that the receiver does to it reaches the sender. Quick for plain data."""
    if type(state) is dict:
        return {key: copied(value) for key, value in state.items()}
    if type(state) in (list, tuple):
        return type(state)(map(copied, state))
    if type(state) is set:
        return set(state)
    return state if isinstance(state, (str, int, float, frozenset, Act, type(None))) else deepcopy(state)


def next_region(region: str) -> str:
    """To which region the users of a lost one are led."""
    return REGIONS[(REGIONS.index(region) + 1) % len(REGIONS)]


def random_schedule(seed: int) -> Schedule:
    """A schedule by its seed: one region cut off, one lost, both of one region, or neither.

    No region is cut off while another one is lost: with three of them, the one that is left would be alone.
    """
    random = Random(seed)
    cut_off, lost = random.choice(REGIONS), random.choice(REGIONS)
    start = random.uniform(2, 8)
    end = start + random.uniform(6, 12)
    if cut_off == lost and random.random() < 0.5:
        at = random.uniform(start, end)
    else:
        at = random.uniform(end + 0.5, SECONDS - BACK_S)
    kind = random.choice(("both", "both", "both", "cut", "lost", "neither"))
    if kind == "lost":
        at = random.uniform(4, SECONDS - BACK_S)
    return Schedule(
        seed,
        (cut_off, round(start, 2), round(end, 2)) if kind in ("both", "cut") else None,
        (lost, round(at, 2)) if kind in ("both", "lost") else None,
    )


def random_writes(seed: int, count: int = 24) -> list[Write]:
    """Acts of two users who travel: anyone may be in any region."""
    random = Random(seed)
    writes = []
    for moment in random.sample(range(50, round(100 * SECONDS) - 200), count):
        kind = random.choice(("view", "view", "wish", "wish", "unwish", "language"))
        what = random.choice(("de", "en", "fr")) if kind == "language" else random.choice(("lamp", "mug"))
        act = Act(random.choice(("ann", "bob")), kind, what, 10 * moment)
        writes.append(Write(moment / 100, random.choice(REGIONS), act))
    return sorted(writes)


def regions(*, every_s: float = 2.0, copies: int = 2, schedules: int = 100, seed: int = 0) -> pd.DataFrame:
    """What a choice of interval and copies gives, schedule by schedule.

    every_s: seconds between two messages to the same region. copies: regions (1 to 3) that must have a write before it
    is acknowledged. Columns: schedule, every_s, copies, rpo_s, rto_s (both NaN where no region was lost),
    lost (acknowledged writes that went with the region), wait_s (longest until an acknowledgement, regions that
    are cut off left out), wait_cut_s (the same, while another region is cut off; NaN where none was).
    """
    rows: list[dict[str, Any]] = []
    for number in range(seed, seed + schedules):
        world = World(random_schedule(number), every_s=every_s, copies=copies).run()
        left = set[int]().union(*(node.known for node in world.nodes.values()))
        waits = [wait for _, _, wait in world.waits()]
        waits_cut = [wait for _, while_cut, wait in world.waits() if while_cut]
        rows.append(
            {"schedule": number, "every_s": every_s, "copies": copies, "rpo_s": world.rpo_s, "rto_s": world.rto_s,
             "lost": len(world.acknowledged.keys() - left), "wait_s": max(waits, default=0.0),
             "wait_cut_s": max(waits_cut, default=None)}
        )  # fmt: skip
    return pd.DataFrame(rows).astype({"rpo_s": float, "rto_s": float, "wait_s": float, "wait_cut_s": float})
