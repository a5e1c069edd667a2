"""Payments from tills, delivered at least once to a sink over a disk; the power fails before or after any step.

The upstream reads the payments of all tills, mixed, from a log and hands them to the sink one by one. Now and then it
notes how far it has come. After a crash it begins at its note, or earlier, and the tills may be mixed in another way:
the payments of one till are always in order, those of two tills are not.

    sink = make_sink(disk)        at each start
    sink.deliver(payment)         a step for each write to the disk that it makes
    sink.balance(account)
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, ItemsView, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import pandas as pd

from recsys_lab.errors import shorten


class Payment(msgspec.Struct, frozen=True):
    """Somebody paid an amount, in pence, at a till, which numbers its payments 1, 2, 3 … id: of both."""

    till: str
    number: int
    account: str
    amount: int

    @property
    def id(self) -> str:
        """Of this payment alone."""
        return f"{self.till}/{self.number}"


class PowerCut(BaseException):
    """Ends a life; not an Exception, so that nobody takes it for an error of the disk."""


@dataclass(frozen=True)
class Cut:
    """The power fails at the so-many-th step, counted over all lives; before it takes effect, or after."""

    step: int
    after: bool


@dataclass
class Power:
    """What counts the steps, and fails where it is told to. steps: what was done, in words."""

    cuts: Sequence[Cut] = ()
    steps: list[str] = field(default_factory=list)
    on: bool = True

    def step(self, what: str, effect: Callable[[], None]) -> None:
        """Do it, unless the power fails before; then let it fail after, where that is due."""
        self.check()
        self.steps.append(what)
        number = len(self.steps)
        if Cut(number, after=False) in self.cuts:
            self.fail()
        effect()
        if Cut(number, after=True) in self.cuts:
            self.fail()

    def check(self) -> None:
        """Raise when it is off."""
        if not self.on:
            raise PowerCut

    def fail(self) -> None:
        self.on = False
        raise PowerCut


class Disk:
    """Keys with values that JSON can hold. Each call happens as a whole or not at all; what it wrote survives."""

    def __init__(self, power: Power) -> None:
        self._power = power
        self._values: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Disk({shorten(dict(self.items()))})"

    def get(self, key: str, default: Any = None) -> Any:
        """The value that was put last; the default where there is none. A copy: changing it changes nothing here."""
        self._power.check()
        return msgspec.json.decode(self._values[key]) if key in self._values else default

    def items(self) -> ItemsView[str, Any]:
        """All keys and values, as a dict's; a copy."""
        self._power.check()
        return {key: msgspec.json.decode(value) for key, value in self._values.items()}.items()

    def put(self, key: str, value: Any) -> None:
        """Write one value."""
        self._write({key: value}, "put")

    def put_all(self, values: dict[str, Any]) -> None:
        """Write several values in one transaction: all of them or none."""
        self._write(values, "put_all")

    def _write(self, values: dict[str, Any], called: str) -> None:
        if not all(isinstance(key, str) for key in values):
            raise TypeError(f"{called}: keys are {shorten(list(values))}; text is needed.")
        encoded = {key: msgspec.json.encode(value) for key, value in values.items()}
        self._power.step(f"{called} of {', '.join(values)}", lambda: self._values.update(encoded))


MakeSink = Callable[[Disk], Any]


@dataclass
class Delivery:
    """Payments brought to a sink, through power cuts, until all are noted as delivered.

    payments: in the order of the first life. cuts: where the power fails. note_every: after so many deliveries the
    upstream notes its place, which is a step as well; 0: never, so that each life begins at the first payment.
    """

    make_sink: MakeSink
    payments: Sequence[Payment]
    cuts: Sequence[Cut] = ()
    note_every: int = 1
    power: Power = field(init=False)
    disk: Disk = field(init=False)

    def __post_init__(self) -> None:
        self.power = Power(self.cuts)
        self.disk = Disk(self.power)
        self._noted: set[str] = set()

    def run(self) -> Any:
        """Deliver all; gives the sink of a last restart, to be asked for balances. The power fails no more by then."""
        for life in itertools.count():
            self.power.on = True
            with suppress(PowerCut):
                self._live(life)
                sink = self.make_sink(self.disk)  # which may take steps too
                self.power.check()  # it is off where somebody caught the power cut and went on
                break
        self.power.cuts = ()
        return sink

    def _live(self, life: int) -> None:
        sink = self.make_sink(self.disk)
        open_ones = [payment for payment in self.payments if payment.id not in self._noted]
        delivered: list[str] = []
        for payment in mixed(open_ones, life):
            sink.deliver(payment)
            delivered.append(payment.id)
            if self.note_every and len(delivered) >= self.note_every:
                self.power.step(f"note of {delivered[-1]}", partial(self._noted.update, delivered))
                delivered = []


def mixed(payments: Sequence[Payment], life: int) -> list[Payment]:
    """The payments of each till in order; the tills as they were in the first life, later one after the other."""
    if life == 0:
        return list(payments)
    tills = sorted({payment.till for payment in payments}, reverse=life % 2 == 1)
    return [payment for till in tills for payment in payments if payment.till == till]


def balances(payments: Sequence[Payment]) -> dict[str, int]:
    """What each account must hold in the end: each payment once."""
    held: Counter[str] = Counter()
    for payment in {payment.id: payment for payment in payments}.values():
        held[payment.account] += payment.amount
    return dict(held)


def every_cut(make_sink: MakeSink, payments: Sequence[Payment], note_every: int = 1) -> Iterator[Cut]:
    """A cut before and after each step that a delivery without a cut takes."""
    whole = Delivery(make_sink, payments, note_every=note_every)
    whole.run()
    for step in range(1, len(whole.power.steps) + 1):
        yield Cut(step, after=False)
        yield Cut(step, after=True)


class _Adds:
    """What the sinks below share: a balance for each account, under its name."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def add(self, payment: Payment) -> None:
        self.disk.put(payment.account, self.balance(payment.account) + payment.amount)

    def balance(self, account: str) -> int:
        held: int = self.disk.get(account, 0)
        return held


class BalanceFirst(_Adds):
    """Adds, then marks the payment as done."""

    def deliver(self, payment: Payment) -> None:
        if not self.disk.get(f"done {payment.id}", False):
            self.add(payment)
            self.disk.put(f"done {payment.id}", True)


class MarkFirst(_Adds):
    """Marks the payment as done, then adds."""

    def deliver(self, payment: Payment) -> None:
        if not self.disk.get(f"done {payment.id}", False):
            self.disk.put(f"done {payment.id}", True)
            self.add(payment)


class LastId(_Adds):
    """Adds and remembers the last id, both in one step."""

    def deliver(self, payment: Payment) -> None:
        if payment.id != self.disk.get("last", ""):
            balance = self.balance(payment.account) + payment.amount
            self.disk.put_all({payment.account: balance, "last": payment.id})


FAULTY: dict[str, MakeSink] = {"balance, then mark": BalanceFirst, "mark, then balance": MarkFirst, "last id": LastId}
TWO = (Payment("north", 1, "ann", 500), Payment("south", 1, "ann", 300))


def crash_at_each_step(sinks: dict[str, MakeSink] | None = None, *, note_every: int = 2) -> pd.DataFrame:
    """What ann's account holds in the end, for each sink and each step at which the power fails once.

    She pays 500 and 300, at two tills. sinks: by name; those of FAULTY when none are given. note_every: after so many
    payments the upstream notes its place.
    Columns: sink, step, what (the step in words), after, held, right (in pence).
    """
    right = balances(TWO)["ann"]
    rows = []
    for name, make_sink in (FAULTY if sinks is None else sinks).items():
        for cut in every_cut(make_sink, TWO, note_every):
            delivery = Delivery(make_sink, TWO, [cut], note_every)
            held = delivery.run().balance("ann")
            rows.append((name, cut.step, delivery.power.steps[cut.step - 1], cut.after, held, right))
    return pd.DataFrame(rows, columns=["sink", "step", "what", "after", "held", "right"])
