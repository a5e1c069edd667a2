"""The "now you" checks of notebook 06."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.under_faults.poison import Poison, Trouble
from recsys_lab.experiments.under_faults.recovery import expected_seconds
from recsys_lab.experiments.under_faults.retries import herd, recovered, storm
from recsys_lab.study.report import NotAttempted, Report, expect, expect_kind, given, judge

HOUR = 3600.0
NEARLY = 1.02
"""So much more time lost than at the best interval is still right."""

LONGEST_WAIT = 30.0
MOST_CALLS = 2_600
ATTEMPTS = 3


def checkpoint_interval(answer: Any) -> Report:
    """A function of (seconds that a checkpoint takes, mean seconds to a failure) that gives the interval, in seconds.

    The time lost to both must be within 2 % of the least possible, for small and large numbers alike.
    """

    def check(interval: Callable[[float, float], Any]) -> str:
        for checkpoint_s, mtbf_s in ((5.0, 300.0), (1.0, 60.0), (5.0, HOUR), (30.0, 24 * HOUR), (0.2, 500.0)):
            case = f"with {checkpoint_s:g} s a checkpoint and a failure every {mtbf_s:g} s"
            seconds = given(interval(checkpoint_s, mtbf_s))
            usable = _is_number(seconds) and 0 < seconds < 100 * mtbf_s
            expect(usable, f"{case} it says {shorten(seconds)}; seconds above 0 are needed.")
            lost = _lost(float(seconds), checkpoint_s, mtbf_s)
            least = min(_lost(mtbf_s * 1.02**step, checkpoint_s, mtbf_s) for step in range(-400, 60))
            expect(
                lost <= NEARLY * least,
                f"{case} it says {seconds:.3g} s: {lost:.3g} s of an hour's work are lost to checkpoints and crashes, "
                f"where {least:.3g} would do.",
            )
        return "within 2 % of the least possible loss, from failures every minute to one a day."

    return judge(check, answer)


def retry_delay(answer: Any) -> Report:
    """A function of (number of the retry from 1, a `random.Random`) that gives the seconds to wait before it.

    It grows with the retries, never passes 30 s, and draws by lot, so that 400 clients do not come back in step.
    """

    def check(delay: Callable[[int, Random], Any]) -> str:
        for retry in (1, 2, 5, 20, 60, 2_000):
            said = given(delay(retry, Random(retry)))
            expect(_is_number(said), f"before retry {retry} it waits {shorten(said)}; seconds are needed.")
            expect(said >= 0, f"before retry {retry} it waits {said:.3g} s; nobody can wait less than nothing.")
            expect(said <= LONGEST_WAIT, f"before retry {retry} it waits {said:.3g} s; at most 30 s were asked for.")
            again = delay(retry, Random(retry))
            expect(said == again, f"before retry {retry} it waits {said:.3g} s, and with the same seed {again:.3g} s.")
        first, fourth = (_mean(delay, retry) for retry in (1, 4))
        expect(
            fourth >= max(2 * first, 0.5),
            f"the first retry waits {first:.2g} s on average, the fourth {fourth:.2g} s; it should give way ever more.",
        )
        back = herd(delay, seconds=400)
        calls, accepted = int(back["calls"].sum()), int(back["accepted"].sum())
        expect(accepted == 400, f"of 400 clients {400 - accepted} are not back after {len(back)} s.")
        took = int(back.loc[back["accepted"] > 0, "second"].max()) + 1
        seen = f"400 clients make {calls:,} calls in {took} s until all are back"
        expect(calls <= MOST_CALLS, f"{seen}; with the waits spread out, {MOST_CALLS:,} would be plenty.")
        expect(took <= 90, f"{seen}; that is long: what waits 8 s without need is no better off.")
        return f"{seen}."

    return judge(check, answer)


def handles(answer: Any) -> Report:
    """A function of (record, work, dead_letters) that gives the result of `work(record)`, or None for a dead letter.

    `work` raises Trouble, which may pass (three attempts in all), or Poison, which never will (one attempt). What fails
    for good is appended to `dead_letters` as (record, why). Any other error is a fault of the program: it goes on up.
    """

    def check(handle: Callable[[Any, Callable[[Any], Any], list[Any]], Any]) -> str:
        for situation, fails, right, attempts in _SITUATIONS:
            made, letters, seen = 0, list[Any](), None

            def work(record: str, fails: tuple[type[BaseException], ...] = fails) -> str:
                nonlocal made
                made += 1
                if made <= len(fails):
                    raise fails[made - 1](f"no price for {record}")
                return f"{record} done"

            try:
                seen = handle("lamp", work, letters)
            except (Poison, Trouble) as error:
                expect(False, f"{situation}: {type(error).__name__} came out of it, and stops the job.")
            except KeyError:
                expect(right == "raises", f"{situation}: KeyError came out of it.")
                continue
            if seen is ...:
                raise NotAttempted
            expect(right != "raises", f"{situation}: nobody hears of it; a fault of the program must be seen.")
            expect(made == attempts, f"{situation}: tried {made} times; {attempts} would be right.")
            if right is None:
                expect(len(letters) == 1, f"{situation}: {len(letters)} dead letters; one is needed.")
                expect_kind(letters[0], tuple, "(record, why)")
                record, why = (*letters[0], "", "")[:2]
                expect(record == "lamp", f"{situation}: the dead letter holds {shorten(record)}, not the record.")
                expect("no price" in str(why), f"{situation}: the dead letter says {shorten(str(why))}; why it failed?")
            else:
                expect(not letters, f"{situation}: it worked, and yet there is a dead letter: {shorten(letters)}.")
            expect(seen == right, f"{situation}: it gave {shorten(seen)}; {shorten(right)} is right.")
        return "what works goes on, what may pass is tried again, what never will is set aside with its reason."

    return judge(check, answer)


def longest_queue(answer: Any) -> Report:
    """How many calls may wait at the service of the notebook (50 a second, callers wait a second); more are refused.

    After an outage it must recover, with callers that retry at once; and on a calm day next to nobody is refused.
    """

    def check(most: Any) -> str:
        whole = isinstance(most, int) and not isinstance(most, bool) and most > 0
        expect(whole, f"the queue is {shorten(most)}; a whole number of calls, from 1, is needed.")
        calm = storm(["at once"], outage=0, longest_queue=most)
        refused = int(calm["refused"].sum()) / int(calm["calls"].sum())
        expect(refused < 0.001, f"with {most} places {refused:.1%} of the calls are refused on a calm day.")
        for load, outage in ((0.5, 6), (0.7, 6), (0.7, 20)):
            row = recovered(storm(["at once"], load=load, outage=outage, longest_queue=most)).iloc[0]
            expect(
                not math.isnan(row["recovered_s"]),
                f"at a load of {load:.0%}, {outage} s of outage and {most} places it never recovers: who waits behind "
                f"{most} others is answered after {most / 50:.1f} s, and has given up by then.",
            )
        return f"{most} places: the last in the queue is answered after {most / 50:.1f} s, while somebody still waits."

    return judge(check, answer)


_SITUATIONS: tuple[tuple[str, tuple[type[BaseException], ...], Any, int], ...] = (
    ("a record that works", (), "lamp done", 1),
    ("trouble once", (Trouble,), "lamp done", 2),
    ("trouble twice", (Trouble, Trouble), "lamp done", 3),
    ("trouble without end", (Trouble,) * 50, None, 3),
    ("a poison record", (Poison,) * 50, None, 1),
    ("trouble, and then it turns out to be poison", (Trouble, *(Poison,) * 50), None, 2),
    ("a fault of the program (KeyError)", (KeyError,) * 50, "raises", 1),
)
"""Situation, what the attempts raise, the result (None: a dead letter), attempts."""


def _lost(interval_s: float, checkpoint_s: float, mtbf_s: float) -> float:
    try:
        return expected_seconds(interval_s, work_s=HOUR, checkpoint_s=checkpoint_s, mtbf_s=mtbf_s, restart_s=0.0) - HOUR
    except OverflowError:
        return math.inf


def _mean(delay: Callable[[int, Random], Any], retry: int) -> float:
    return sum(float(delay(retry, Random(seed))) for seed in range(400)) / 400


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(float(value))
