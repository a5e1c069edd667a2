"""The "now you" checks of notebook 11."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.experiments.online.ab_tests import users_needed
from recsys_lab.experiments.online.bandits import bernoulli, play
from recsys_lab.study.report import NotAttempted, Report, expect, given, judge

USERS = 4_000
EVEN = 0.03
"""So far from a half may a share of 4,000 users be; four standard errors."""

NEAR = 0.05
REQUESTS = 4_000
SEEDS = range(20)
SHARE_OF_UNIFORM = 0.4
MOST_MISSED = 2


def assigns(answer: Any) -> Report:
    """A function of (user id, name of the test) that gives "A" or "B".

    The same user keeps the version for the whole test, whoever else asks; half of the users get each; and what a user
    got in one test says nothing about the next.
    """

    def check(version_of: Callable[[str, str], Any]) -> str:
        users = [f"u{number:05d}" for number in range(USERS)]
        first = [given(version_of(user, "new ranking")) for user in users]
        for user, said in zip(users, first, strict=True):
            expect(said in ("A", "B"), f'{user} gets {shorten(said)}; "A" or "B" is needed.')
        again = [version_of(user, "new ranking") for user in reversed(users)][::-1]
        changed = sum(one != other for one, other in zip(first, again, strict=True))
        expect(not changed, f"{changed} of {USERS} users get another version when they come again in another order.")
        share = first.count("B") / USERS
        expect(abs(share - 0.5) < EVEN, f"{share:.0%} of the users get B; half of them should.")
        twos = [said for user, said in zip(users, first, strict=True) if int(user[1:]) % 2 == 0]
        expect(
            abs(twos.count("B") / len(twos) - 0.5) < 1.5 * EVEN,
            f"of the users with an even number {twos.count('B') / len(twos):.0%} get B: who signs up when, decides.",
        )
        second = [version_of(user, "larger pictures") for user in users]
        both = sum(one == other == "B" for one, other in zip(first, second, strict=True)) / max(1, first.count("B"))
        expect(
            abs(both - 0.5) < 1.5 * EVEN,
            f"of those with B in one test {both:.0%} have B in the next; then the two tests measure each other.",
        )
        return f"{share:.1%} get B, each user always the same, and the next test deals anew."

    return judge(check, answer)


def how_many_users(answer: Any) -> Report:
    """A function of (share of successes of A, difference to be seen) that gives the users needed in each version.

    For a chance of 5 % to see a difference that is not there, and of 80 % to see one that is. Within 5 % is right.
    """

    def check(needed: Callable[[float, float], Any]) -> str:
        for share, effect in ((0.1, 0.02), (0.1, 0.01), (0.5, 0.05), (0.02, 0.005), (0.3, -0.03)):
            case = f"from {share:.1%} to {share + effect:.1%}"
            said = given(needed(share, effect))
            usable = isinstance(said, (int, float)) and not isinstance(said, bool) and said > 0
            expect(usable, f"{case} it says {shorten(said)}; a number of users is needed.")
            right = users_needed(share, effect)
            far = abs(float(said) - right) > NEAR * right
            expect(not far, f"{case} it says {said:,.0f} users in each version; {_simulated(share, effect, said)}")
        return "within 5 %, for small and large shares, and for differences in both directions."

    return judge(check, answer)


def chooses(answer: Any) -> Report:
    """A bandit's policy: a function of (successes, tries, a `random.Random`) that gives the number of an arm.

    successes, tries: a list each, one number for each arm so far. It must lose far less than trying all arms alike, and
    in nearly all of twenty runs settle on the best arm, wherever that stands.
    """

    def check(choose: Callable[[Sequence[int], Sequence[int], Random], Any]) -> str:
        shares, lost, alike, missed = (0.1, 0.12, 0.1, 0.2), 0.0, 0.0, list[str]()
        for seed in SEEDS:
            best = seed % len(shares)
            turned = [shares[(arm - best - 1) % len(shares)] for arm in range(len(shares))]
            chosen = play(bernoulli(turned, REQUESTS, seed), _checked(choose), seed)
            counts = [int((chosen == arm).sum()) for arm in range(len(shares))]
            never = next((arm for arm, count in enumerate(counts) if not count), None)
            expect(never is None, f"run {seed}: arm {never} is never tried; it might be the best.")
            late = chosen[REQUESTS // 2 :]
            often = float((late == best).mean())
            if often <= 0.5:
                most = max(range(len(counts)), key=counts.__getitem__)
                missed.append(
                    f"in run {seed} arm {best} is the best ({max(shares):.0%}), and in the second half it gets "
                    f"{often:.0%} of the requests; arm {most} gets most."
                )
            lost += sum((max(shares) - turned[arm]) * count for arm, count in enumerate(counts)) / len(SEEDS)
            alike += REQUESTS * (max(shares) - sum(shares) / len(shares)) / len(SEEDS)
        expect(
            len(missed) <= MOST_MISSED,
            f"in {len(missed)} of {len(SEEDS)} runs it does not settle on the best arm: {next(iter(missed), '')}",
        )
        seen = f"{lost:.0f} successes are lost to the best arm on average, where trying all alike loses {alike:.0f}"
        expect(lost < SHARE_OF_UNIFORM * alike, f"{seen}; less than {SHARE_OF_UNIFORM * alike:.0f} can be had.")
        return f"{seen}."

    return judge(check, answer)


def _checked(choose: Callable[..., Any]) -> Callable[[Sequence[int], Sequence[int], Random], int]:
    """The answer's policy, given copies, so that it can't change what was counted."""

    def policy(wins: Sequence[int], tries: Sequence[int], chance: Random) -> int:
        arm = choose(list(wins), list(tries), chance)
        if arm is ...:
            raise NotAttempted
        fits = isinstance(arm, int) and not isinstance(arm, bool) and 0 <= arm < len(tries)
        expect(
            fits, f"with tries {list(tries)} it chooses {shorten(arm)}; a number from 0 to {len(tries) - 1} is needed."
        )
        return int(arm)

    return policy


def _simulated(share: float, effect: float, users: float) -> str:
    """What a test of so many users would see, by a thousand such tests."""
    from recsys_lab.experiments.online.ab_tests import found_by, peeking

    most = min(max(int(users), 2), 10_000_000)
    seen = found_by(peeking(1, effect, share=share, users=most))["at the end"]
    return f"of a thousand such tests {seen:.0%} see the difference, where 80 % were asked for."
