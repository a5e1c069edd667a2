"""The power fails before and after every step, once and several times; payments come again; balances must be right."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.till_log import Cut, Delivery, MakeSink, Payment, balances, every_cut
from recsys_lab.study.report import NotAttempted, NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 60.0
SCHEDULES = 200
NOTES = (1, 3, 0)
"""The upstream notes its place after each payment, after three, never."""
STRANGER = "zoe"
"""Never paid anything."""

REPLAYED = (10, 100, 500, 2500)


def check(make_sink: MakeSink) -> str:
    """`make_sink` makes, from a disk, an object with deliver and balance."""
    _begin(make_sink)
    cuts = 0
    for payments in _situations():
        for note_every in NOTES:
            _expect_none(make_sink, payments, note_every)
            cuts += len(list(every_cut(make_sink, payments, note_every)))
    for payments, note_every, several in _seeded():
        fault = _fault(make_sink, payments, note_every, several)
        expect(fault is None, f"{fault} {_told(make_sink, payments, note_every, several)}")
    for count in REPLAYED:
        _replay(make_sink, count)
    return (
        f"balances are right after {cuts} single power cuts, one before and one after each step, after {SCHEDULES} "
        f"schedules with several, and when {REPLAYED[-1]:,} payments come again."
    )


def _begin(make_sink: MakeSink) -> None:
    """Is it the stub, does it do anything, and does a second sink begin with nothing?"""
    one = [Payment("north", 1, "ann", 500)]
    delivery = Delivery(make_sink, one)
    returned_first = make_sink(delivery.disk).deliver(one[0])
    balance_first = make_sink(delivery.disk).balance("ann")
    for returned in (returned_first, balance_first):
        given(returned)
        if inspect.iscoroutine(returned) or inspect.isgenerator(returned):
            returned.close()
            raise NotYet(f"it gave back a {type(returned).__name__}: deliver and balance are called like any function.")
    nothing = make_sink(delivery.disk).balance(STRANGER)
    right = nothing == 0 and not isinstance(nothing, bool)
    expect(right, f"{STRANGER} never paid anything, and the balance says {_said(nothing)}; 0 is asked for.")
    again = _fault(make_sink, one, 1, ())
    expect(
        again is None or balance_first != 500,
        "a second sink, on another disk, begins with what the first one had in memory: what belongs to the class or "
        "the module would be gone after a restart. Only the disk survives.",
    )


def _situations() -> list[list[Payment]]:
    ann, bob = "ann", "bob"
    return [
        [Payment("north", 1, ann, 500)],
        [Payment("north", 1, ann, 500), Payment("north", 2, ann, 500)],
        [Payment("north", 7, ann, 500), Payment("south", 2, ann, 300), Payment("north", 8, bob, 250)],
        [Payment("north", 7, ann, 500), Payment("south", 7, ann, 300)],
        [Payment("north", 1, "north", 500), Payment("north", 2, ann, 300), Payment("north", 3, "anna", 250)],
        _mixed_tills(8, seed=0),
    ]


def _mixed_tills(count: int, seed: int) -> list[Payment]:
    random = Random(seed)
    numbers = {"north": 0, "south": 40, "west": 1000}
    payments = []
    for _ in range(count):
        till = random.choice(sorted(numbers))
        numbers[till] += 1
        payments.append(Payment(till, numbers[till], random.choice(["ann", "bob", "cas"]), random.choice([250, 500])))
    return payments


def _expect_none(make_sink: MakeSink, payments: Sequence[Payment], note_every: int) -> None:
    """Raise NotYet with the smallest example, if a single cut, or none, makes a balance wrong."""

    def first(some: Sequence[Payment]) -> tuple[str, tuple[Cut, ...]] | None:
        for cuts in ((), *((cut,) for cut in every_cut(make_sink, some, note_every))):
            fault = _fault(make_sink, some, note_every, cuts)
            if fault is not None:
                return fault, cuts
        return None

    if first(payments) is None:
        return
    small, _ = smallest(payments, lambda some: None if (found := first(some)) is None else found[0])
    found = first(small)
    assert found is not None
    raise NotYet(f"{found[0]} {_told(make_sink, small, note_every, found[1])}")


def _seeded() -> Iterator[tuple[list[Payment], int, tuple[Cut, ...]]]:
    for seed in range(SCHEDULES):
        random = Random(seed)
        cuts = [Cut(random.randint(1, 60), random.random() < 0.5) for _ in range(random.randint(2, 5))]
        yield _mixed_tills(12, seed), random.choice(NOTES), tuple(sorted(cuts, key=lambda cut: (cut.step, cut.after)))


def _replay(make_sink: MakeSink, count: int) -> None:
    """All payments, a crash at the end, and all payments again: the upstream lost its place."""
    payments = _mixed_tills(count, seed=count)
    whole = Delivery(make_sink, payments, note_every=0)
    whole.run()
    cut = Cut(len(whole.power.steps), after=True)
    fault = _fault(make_sink, payments, 0, (cut,))
    expect(fault is None, f"{fault} {count:,} payments of three tills were delivered, and then all of them once more.")


def _fault(make_sink: MakeSink, payments: Sequence[Payment], note_every: int, cuts: Sequence[Cut]) -> str | None:
    """The first balance that is wrong in the end, or what was raised, or None."""
    try:
        sink = Delivery(make_sink, payments, cuts, note_every).run()
        held = {account: sink.balance(account) for account in balances(payments)}
    except NotAttempted:
        raise
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    for account, right in balances(payments).items():
        if isinstance(held[account], bool) or held[account] != right:
            return f"{account} paid {right:,} in all, and the balance says {_said(held[account])}."
    return None


def _said(value: Any) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) else shorten(value)


def _told(make_sink: MakeSink, payments: Sequence[Payment], note_every: int, cuts: Sequence[Cut]) -> str:
    """The schedule in words."""
    delivery = Delivery(make_sink, payments, cuts, note_every)
    with contextlib.suppress(Exception):
        delivery.run()
    told = "Payments: " + ", ".join(f"{each.id} ({each.account}, {each.amount})" for each in payments) + "."
    steps = delivery.power.steps
    for cut in cuts:
        if cut.step <= len(steps):
            moment = "after" if cut.after else "before"
            told += f" The power failed right {moment} step {cut.step}, {steps[cut.step - 1]:.60}."
    if cuts and note_every != 1:
        began = "at the first payment" if not note_every else "up to two payments earlier"
        told += f" After it the upstream began again {began}."
    return told
