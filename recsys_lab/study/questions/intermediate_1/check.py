"""Hundreds of seeded crash schedules: where every order is in the end, and how the sink was treated on the way."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from random import Random

from recsys_lab.errors import shorten
from recsys_lab.experiments.flaky_sink import (
    BLIP,
    CALL_SECONDS,
    GOOD,
    KINDS,
    OUTAGE,
    POISON,
    REFUSED,
    STUCK,
    Call,
    Cut,
    Run,
    World,
)
from recsys_lab.study.report import NotAttempted, NotYet
from recsys_lab.study.shrink import smallest

SECONDS = 20.0
SCHEDULES = 200

MOST_ATTEMPTS = 8
LEAST_PAUSE_S = 0.5
FIRST_RETRY_S = 2.0
MOST_PATIENCE_S = 300.0
MOST_AGAIN = 10
MOST_CALLS = 3000
OUTAGE_SECONDS = 60.0
"""As long as the exercise says that an outage may last."""

Part = str | Cut
"""Of a schedule: the kind of an order, or a power cut."""


def check(run: Run) -> str:
    """`run` brings orders to a sink that fails, through power cuts."""
    _begins_with_nothing(run)
    for schedule in _schedules():
        if _fault(run, schedule) is not None:
            small, said = smallest(schedule, lambda parts: _fault(run, parts))
            raise NotYet(f"{said} {_told(run, small)}".strip())
    return (
        f"{SCHEDULES} schedules with crashes: no order lost, poison set aside and nothing else, and at most "
        f"{MOST_ATTEMPTS} attempts for an order in a life."
    )


def _begins_with_nothing(run: Run) -> None:
    """Raise NotYet when a pipeline knows of another one that ran before."""
    first, second = (_fault(run, [GOOD, GOOD]) for _ in range(2))
    if first is None and second is not None:
        raise NotYet(
            f"it was right on one log, and on another one, after it, {second.rstrip('.')}: it keeps something outside "
            "of the checkpoint. After a crash that would be gone; only the checkpoint survives."
        )


def _schedules() -> Iterator[list[Part]]:
    """Simple ones first, so that what is reported is simple."""
    for kind in KINDS:
        yield [GOOD, kind, GOOD]
    for kind in KINDS:
        for call in range(1, 8):
            yield [kind, GOOD, Cut(call, after=False)]
            yield [kind, GOOD, Cut(call, after=True)]
    yield [*[GOOD] * 25, Cut(24, after=True)]
    for seed in range(SCHEDULES):
        random = Random(seed)
        orders = [GOOD] * 12 + [BLIP] * 3 + [REFUSED] * 2 + [STUCK, OUTAGE]
        random.shuffle(orders)
        cuts = {Cut(random.randint(1, 80), random.random() < 0.5) for _ in range(random.randint(1, 4))}
        yield [*orders, *sorted(cuts, key=lambda cut: cut.call)]


class _Seen(BaseException):
    """Something that must not be; ends the run at once."""


def _fault(run: Run, parts: Sequence[Part]) -> str | None:
    """What goes wrong in this schedule, or None."""
    world = _world(parts)
    try:
        returned = world.run(run)
    except _Seen as seen:
        return str(seen)
    except Exception as error:
        return f"it raised {type(error).__name__}: {error}."
    if returned is ...:
        raise NotAttempted
    if inspect.iscoroutine(returned) or inspect.isgenerator(returned):
        returned.close()
        return f"run is called like any function, and gave back a {type(returned).__name__}: nothing in it has run."
    return _in_the_end(world)


def _world(parts: Sequence[Part]) -> World:
    kinds = [part for part in parts if isinstance(part, str)]
    cuts = [part for part in parts if isinstance(part, Cut)]
    return World(kinds, cuts, watch=_watch, outage_seconds=OUTAGE_SECONDS)


def _watch(world: World, call: Call) -> None:
    """Raise when the call must not be made."""
    if len(world.calls) > MOST_CALLS:
        raise _Seen(f"after {MOST_CALLS:,} calls it had not come to an end.")
    in_life = [past for past in world.calls if past.life == world.life]
    if call.what == "sink.write":
        _attempt(world, call, [past for past in in_life if past.what == "sink.write" and past.order == call.order])
    if call.what == "dead_letters.write":
        _in_time(call, [past for past in in_life if past.what == "sink.write" and past.order == call.order])
    if call.what == "dead_letters.write" and (not isinstance(call.argument, str) or not call.argument.strip()):
        raise _Seen(f"the dead letter of order {call.order} gives no reason in words, but {shorten(call.argument)}.")
    if call.what in ("sink.write", "dead_letters.write") and len(in_life) > MOST_AGAIN:
        again = {past.order for past in in_life if _settled(past)} & {
            past.order for past in world.calls if past.life < world.life and _settled(past)
        }
        if len(again) > MOST_AGAIN:
            raise _Seen(f"after a restart it did more than {MOST_AGAIN} orders again that had been settled before.")


def _attempt(world: World, call: Call, before: list[Call]) -> None:
    if not before:
        return
    last = before[-1]
    if last.outcome == "delivered":
        raise _Seen(f"order {call.order} was delivered, and written again in the same life.")
    if len(before) >= MOST_ATTEMPTS:
        raise _Seen(f"order {call.order} was tried more than {MOST_ATTEMPTS} times in one life.")
    pause = call.second - last.second - CALL_SECONDS
    if pause < LEAST_PAUSE_S - 1e-6:
        raise _Seen(
            f"order {call.order} failed and was tried again after {max(0.0, pause):g} seconds of the clock: "
            f"a sink in trouble gets no peace; at least {LEAST_PAUSE_S:g} is asked for."
        )
    if len(before) == 1 and pause > FIRST_RETRY_S + 1e-6:
        raise _Seen(
            f"order {call.order} failed, and the first retry came only after {pause:.3g} seconds, not within "
            f"{FIRST_RETRY_S:g}: most failures last a moment."
        )
    _in_time(call, before)


def _in_time(call: Call, before: list[Call]) -> None:
    if before and call.second - before[0].second > MOST_PATIENCE_S:
        raise _Seen(f"order {call.order} keeps all others waiting for more than {MOST_PATIENCE_S / 60:.0f} minutes.")


def _settled(call: Call) -> bool:
    return call.outcome in ("delivered", "kept")


def _in_the_end(world: World) -> str | None:
    delivered = _firsts(world, "delivered")
    letters = _firsts(world, "kept")
    for number, kind in enumerate(world.kinds, start=1):
        if kind not in POISON and number in letters and number not in delivered:
            return f"order {number} lies in the dead letters, and the sink would have taken it {_when(kind)}."
        if kind not in POISON and number in letters:
            return f"order {number} was delivered, and lies in the dead letters as well."
        if number not in letters and number not in delivered:
            return f"order {number} is lost: it is neither in the sink nor in the dead letters."
    for where, firsts in (("the sink", delivered), ("the dead letters", letters)):
        late = next((pair for pair in pairwise(firsts) if pair[0] > pair[1]), None)
        if late is not None:
            return f"order {late[1]} reached {where} only after order {late[0]}: the order of the log is lost."
    return None


def _firsts(world: World, outcome: str) -> dict[int, float]:
    """Order → when that came of it for the first time, in the order of time."""
    firsts: dict[int, float] = {}
    for call in world.calls:
        if call.outcome == outcome:
            firsts.setdefault(call.order, call.second)
    return firsts


def _when(kind: str) -> str:
    return {OUTAGE: "when its outage was over", BLIP: "at the next attempt"}.get(kind, "at once")


_KINDS_TOLD = {
    GOOD: "good",
    BLIP: "times out once",
    OUTAGE: f"the sink is down for {OUTAGE_SECONDS:.0f} seconds from its first attempt on",
    REFUSED: "refused by the sink",
    STUCK: "times out each time",
}


def _told(run: Run, parts: Sequence[Part]) -> str:
    """The schedule in words, with the calls at which the power failed."""
    world = _world(parts)
    with contextlib.suppress(_Seen, Exception):
        returned = world.run(run)
        if inspect.iscoroutine(returned):
            returned.close()
    runs = [(kind, [number for number, _ in same]) for kind, same in groupby(enumerate(world.kinds, 1), lambda p: p[1])]
    told = f"The log held {', '.join(_of_a_kind(*each) for each in runs)}." if runs else ""
    for cut in world.cuts:
        if cut.call <= len(world.calls):
            call = world.calls[cut.call - 1]
            about = f" of order {call.order}" if call.order else ""
            told += f" The power failed right {'after' if cut.after else 'before'} call {cut.call}, {call.what}{about}."
    return told


def _of_a_kind(kind: str, numbers: list[int]) -> str:
    which = f"order {numbers[0]}" if len(numbers) == 1 else f"orders {numbers[0]} to {numbers[-1]}"
    return f"{which} ({_KINDS_TOLD[kind]})"
