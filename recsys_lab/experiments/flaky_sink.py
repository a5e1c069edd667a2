"""A log of orders, a sink that fails, and power cuts: what a pipeline has to live with, on a simulated clock.

An order is of one of five kinds, which say what the sink does with it:
    good       it is taken
    blip       the first attempt in a life times out, the next is taken
    outage     when it is tried for the first time, the sink goes down for 45 seconds, for everybody
    refused    the sink says no, each time: ValueError
    stuck      it times out, each time, and nothing says that it always will: TimeoutError

A power cut ends a life right before or right after a call takes effect. What was given to the sink, to the dead
letters and to the checkpoint survives; the next life begins with nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

import msgspec
import pandas as pd

from recsys_lab.clock import SimulatedClock
from recsys_lab.errors import shorten

GOOD, BLIP, OUTAGE, REFUSED, STUCK = "good", "blip", "outage", "refused", "stuck"
KINDS = (GOOD, BLIP, OUTAGE, REFUSED, STUCK)
POISON = (REFUSED, STUCK)
OUTAGE_SECONDS = 45.0
CALL_SECONDS = 0.1
"""What a call of the sink takes, whatever comes of it."""

MOST_CALLS_WHEN_DEAD = 1000

Run = Callable[..., Any]
"""run(log, sink, dead_letters, checkpoint, sleep)"""


class PowerCut(BaseException):
    """Ends a life; not an Exception, so that nobody takes it for an error of the sink."""


@dataclass(frozen=True)
class Cut:
    """The power fails at the so-many-th call, counted over all lives; before it takes effect, or after."""

    call: int
    after: bool


@dataclass(frozen=True)
class Call:
    """What was called, when, and what came of it. order: its number, 0 where the call is about none."""

    life: int
    second: float
    what: str
    order: int
    outcome: str
    argument: Any = None


@dataclass
class World:
    """All that there is outside of the pipeline.

    kinds: of the orders in the log. cuts: where the power fails. watch: sees each call before it is made, and may
    raise to end it all. outage_seconds: that an order of the kind "outage" brings.
    """

    kinds: Sequence[str]
    cuts: Sequence[Cut] = ()
    watch: Callable[[World, Call], None] = lambda world, call: None
    outage_seconds: float = OUTAGE_SECONDS
    calls: list[Call] = field(default_factory=list)
    life: int = 0

    def __post_init__(self) -> None:
        self.log = tuple(f"order {number}" for number in range(1, len(self.kinds) + 1))
        self._numbers = {order: number for number, order in enumerate(self.log, start=1)}
        self._clock = SimulatedClock()
        self._began = self._clock.now()
        self._down: dict[int, float] = {}
        self._saved = b"null"
        self._alive = False
        self._called_dead = 0

    @property
    def second(self) -> float:
        """How much time has passed."""
        return (self._clock.now() - self._began).total_seconds()

    def run(self, run: Run) -> Any:
        """One life after the other, until one comes to its end; gives what that one returned."""
        while True:
            self.life += 1
            self._alive = True
            try:
                return run(self.log, _Sink(self), _DeadLetters(self), _Checkpoint(self), self._sleep)
            except PowerCut:
                continue
            finally:
                self._alive = False

    def table(self) -> pd.DataFrame:
        """A row for each call: life, second, what, order, outcome."""
        rows = [(call.life, call.second, call.what, call.order, call.outcome) for call in self.calls]
        return pd.DataFrame(rows, columns=["life", "second", "what", "order", "outcome"])

    # -- what the pipeline can call ------------------------------------------------------------------------------

    def write(self, order: Any) -> None:
        number = self._number(order)
        outcome, error = self._fate(number)
        self._call("sink.write", number, outcome, order, lambda: self._pass(CALL_SECONDS))
        if error is not None:
            raise error

    def set_aside(self, order: Any, reason: Any) -> None:
        self._call("dead_letters.write", self._number(order), "kept", reason)

    def save(self, value: Any) -> None:
        saved = msgspec.json.encode(value)

        def effect() -> None:
            self._saved = saved

        self._call("checkpoint.save", 0, "saved", value, effect)

    def load(self) -> Any:
        self._check_alive()
        return msgspec.json.decode(self._saved)

    def _sleep(self, seconds: float) -> None:
        if not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e6:
            raise ValueError(f"sleep takes seconds, 0 or more, and this is {shorten(seconds)}.")
        self._call("sleep", 0, "slept", float(seconds), lambda: self._pass(seconds))

    # -- what comes of it ----------------------------------------------------------------------------------------

    def _fate(self, number: int) -> tuple[str, Exception | None]:
        kind = self.kinds[number - 1]
        if kind == OUTAGE:
            self._down.setdefault(number, self.second + self.outage_seconds)
        if any(self.second < until for until in self._down.values()):
            return "timed out", TimeoutError("the sink gave no answer")
        if kind == REFUSED:
            return "refused", ValueError(f"the sink refuses order {number}")
        tried = any(c.life == self.life and c.order == number and c.what == "sink.write" for c in self.calls)
        if kind == STUCK or (kind == BLIP and not tried):
            return "timed out", TimeoutError("the sink gave no answer")
        return "delivered", None

    def _call(
        self, what: str, order: int, outcome: str, argument: Any, effect: Callable[[], None] = lambda: None
    ) -> None:
        self._check_alive()
        number = len(self.calls) + 1
        call = Call(self.life, self.second, what, order, outcome, argument)
        try:
            self.watch(self, call)
        except BaseException:
            self._alive = False
            raise
        if Cut(number, after=False) in self.cuts:
            self.calls.append(Call(self.life, self.second, what, order, "power cut before"))
            self._die()
        self.calls.append(call)
        effect()
        if Cut(number, after=True) in self.cuts:
            self._die()

    def _die(self) -> None:
        self._alive = False
        raise PowerCut

    def _check_alive(self) -> None:
        """A life that ended stays ended, even where a bare `except` caught the power cut and goes on."""
        if self._alive:
            return
        self._called_dead += 1
        if self._called_dead > MOST_CALLS_WHEN_DEAD:
            Event().wait()  # a loop that catches everything cannot be ended from here; it need not keep a core busy
        raise PowerCut

    def _pass(self, seconds: float) -> None:
        self._clock.advance(timedelta(seconds=seconds))

    def _number(self, order: Any) -> int:
        number = self._numbers.get(order) if isinstance(order, str) else None
        if number is None:
            raise TypeError(f"{shorten(order)} is no record of the log.")
        return number


@dataclass(frozen=True)
class _Sink:
    _world: World

    def write(self, record: Any) -> None:
        """Returns when the record is taken; raises TimeoutError (no answer) or ValueError (refused)."""
        self._world.write(record)


@dataclass(frozen=True)
class _DeadLetters:
    _world: World

    def write(self, record: Any, reason: Any) -> None:
        """Keeps the record, with the reason in words."""
        self._world.set_aside(record, reason)


@dataclass(frozen=True)
class _Checkpoint:
    _world: World

    def save(self, value: Any) -> None:
        """Keeps a value that JSON can hold, in place of the one before."""
        self._world.save(value)

    def load(self) -> Any:
        """The value that was saved last, in this life or an earlier one; None before the first."""
        return self._world.load()


WAITS: dict[str, Callable[[int], float]] = {
    "at once": lambda attempt: 0.0,
    "every second": lambda attempt: 1.0,
    "after waits that double": lambda attempt: 2.0**attempt,
}
"""How long to wait after the so-many-th failed attempt, from 0, in seconds."""


def outage() -> pd.DataFrame:
    """When one client calls the sink in an outage of 45 seconds, for each way to wait between attempts.

    Columns: waits, second, outcome.
    """
    tables = []
    for waits, wait in WAITS.items():
        world = World([OUTAGE])
        world.run(lambda log, sink, _dead, _checkpoint, sleep, wait=wait: _insist(log[0], sink, sleep, wait))
        table = world.table()
        tables.append(table[table["what"] == "sink.write"].assign(waits=waits)[["waits", "second", "outcome"]])
    return pd.concat(tables, ignore_index=True)


def _insist(order: str, sink: Any, sleep: Callable[[float], None], wait: Callable[[int], float]) -> None:
    attempt = 0
    while True:
        try:
            return sink.write(order)  # type: ignore[no-any-return]
        except TimeoutError:
            sleep(wait(attempt))
            attempt += 1
