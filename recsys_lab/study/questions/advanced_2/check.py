"""What is served against a batch over all that is known, after every single step; and what is kept in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from recsys_lab.errors import shorten
from recsys_lab.study.memory import growth_kb
from recsys_lab.study.report import NotAttempted, NotYet, expect, given
from recsys_lab.study.shrink import smallest

SECONDS = 60.0
MANY, BATCH_EVERY = 20_000, 2_000
SPARE_KB = 100
ITEMS, DAYS = ("lamp", "mug"), (1, 2, 3)

MakeLambda = Callable[..., Any]


class Sale(NamedTuple):
    """pence: negative where something was given back. day: when it happened, not when it arrived."""

    item: str
    day: int
    pence: int


class Step(NamedTuple):
    """Something that happens to the two layers; steps that cannot happen (nothing is new, no batch runs) do nothing.

    do: "sale" (it comes to the log, and to the speed layer), "unseen" (to the log only), "catch up" (the speed layer
    is handed what it has not seen), "replay" (and once more the last few), "begin" (a batch), "finish".
    """

    do: str
    sale: Sale | None = None
    rule: str = ""

    def __str__(self) -> str:
        if self.sale is not None:
            bought = f"{self.sale.item} on day {self.sale.day} for {self.sale.pence}"
            return f"sale of {bought}" + (", which the speed layer has not been handed yet" * (self.do == "unseen"))
        return {
            "catch up": "the speed layer catches up",
            "replay": "the speed layer starts again, and is handed the last two sales once more",
            "begin": f"a batch begins, by the {self.rule} rule",
            "finish": "the batch is finished",
        }[self.do]


def faulty(sale: Sale) -> int:
    """The rule as it was at first: what is given back counts as if it were sold."""
    return abs(sale.pence)


def mended(sale: Sale) -> int:
    """The rule as it should be."""
    return sale.pence


RULES: dict[str, Callable[[Sale], int]] = {"faulty": faulty, "mended": mended}


def check(make: MakeLambda) -> str:
    """`make(rule)` makes an object with on_sale, begin_batch, finish_batch and takings."""
    nothing = given(make(mended).takings("lamp", 1))
    expect(nothing == 0, f"before the first sale the takings are {shorten(nothing)}; 0 was asked for.")
    for situation, steps in _situations():
        if _fault(make, steps) is not None:
            small, said = smallest(steps, lambda some: _fault(make, some))
            raise NotYet(f"{situation}: {said} What happened: {'; '.join(map(str, small))}.")
    _keeps_only_the_rest(make)
    return "equal to the truth after every step, through batches, a mended rule, late sales, a lag and a restart."


def _fault(make: MakeLambda, steps: Sequence[Step]) -> str | None:
    """The first step after which something other than the truth is served, or None."""
    log: list[Sale] = []
    seen, covered = 0, 0
    rule: Callable[[Sale], int] = faulty
    running: tuple[Callable[[Sale], int], int] | None = None
    try:
        layers = make(faulty)
        for step in steps:
            if step.sale is not None:
                log.append(step.sale)
            if step.do in ("sale", "catch up"):
                for offset in range(seen, len(log)):
                    layers.on_sale(offset, log[offset])
                seen = len(log)
            elif step.do == "replay":
                for offset in range(max(0, seen - 2), seen):
                    layers.on_sale(offset, log[offset])
            elif step.do == "begin":
                running = RULES[step.rule], len(log)
                layers.begin_batch(list(log), RULES[step.rule])
            elif step.do == "finish" and running is not None:
                layers.finish_batch()
                (rule, covered), running = running, None
            known = log[: max(seen, covered)]
            for item, day in ((item, day) for item in ITEMS for day in DAYS):
                right = sum(rule(sale) for sale in known if (sale.item, sale.day) == (item, day))
                got = layers.takings(item, day)
                if got != right:
                    return f"the takings of {item} on day {day} are {right} at last, and yours are {shorten(got)}."
    except NotAttempted:
        raise
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    return None


def _situations() -> list[tuple[str, list[Step]]]:
    one, two, three = (Step("sale", Sale("lamp", day, 100 * day)) for day in DAYS)
    back = Step("sale", Sale("lamp", 1, -40))
    begin, mend, finish = Step("begin", rule="faulty"), Step("begin", rule="mended"), Step("finish")
    unseen = Step("unseen", Sale("mug", 2, 700))
    told = [
        ("no batch yet", [one, back, two]),
        ("sales before, during and after a batch", [one, two, begin, three, finish, three, begin, three, finish]),
        ("a late sale", [one, two, begin, finish, Step("sale", Sale("mug", 1, 50))]),
        ("a late sale while a batch runs", [one, two, begin, Step("sale", Sale("lamp", 1, 50)), finish, one]),
        ("the rule was mended, and a batch run again", [one, back, begin, finish, back, mend, back, finish, back]),
        ("a batch crashed, and another one was begun", [one, begin, two, mend, back, finish, one]),
        ("the speed layer is handed sales once more", [one, two, Step("replay"), begin, three, finish, Step("replay")]),
        ("the speed layer lags behind the log", [one, unseen, begin, finish, Step("catch up"), two]),
    ]
    return told + [(f"a random course of events, number {seed}", _random(seed)) for seed in range(60)]


def _random(seed: int) -> list[Step]:
    random = Random(seed)
    rule, steps = "faulty", list[Step]()
    for _ in range(50):
        do = random.choice(["sale"] * 6 + ["unseen", "unseen", "catch up", "replay", "begin", "finish", "finish"])
        sale = Sale(random.choice(ITEMS), random.choice(DAYS), random.choice((-30, 20, 50, 70)))
        if do == "begin":
            rule = random.choice((rule, "mended"))
        steps.append(Step(do, sale if do in ("sale", "unseen") else None, rule if do == "begin" else ""))
    return steps


def _keeps_only_the_rest(make: MakeLambda) -> None:
    """What is held after many batches, against after the first."""
    layers, sales = make(mended), [Sale(item, day, 100) for item in ITEMS for day in DAYS]

    def one_more(offset: int) -> None:
        layers.on_sale(offset, sales[offset % len(sales)])
        if (offset + 1) % BATCH_EVERY == 0:
            layers.begin_batch([sales[number % len(sales)] for number in range(offset + 1)], mended)
            layers.finish_batch()

    grown = growth_kb(one_more, MANY, settled=BATCH_EVERY - 1)
    expect(
        grown < SPARE_KB,
        f"after {MANY:,} sales, all of them in the last batch, it holds {grown:,.0f} kB more than after the first "
        "batch: it keeps sales that the batch view holds already, or something of each.",
    )
