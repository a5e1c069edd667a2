"""Bandits: a parameter that tunes itself while it serves.

Each request must be answered by one version (an *arm*), and only that version's success is seen. Who tries all arms
alike learns much and serves badly; who keeps to the best so far may never find out that another is better. Regret is
what was lost against the arm that was best all the time.

    uniform    any arm, by lot: what an A/B test does until it ends
    greedy     the best share of successes so far
    Thompson   draws what each arm's share may be, given what was seen, and takes the best draw
               (Thompson 1933; Chapelle and Li, "An empirical evaluation of Thompson sampling", NIPS 2011)
    UCB1       the best share so far plus √(2 ln t / tries): optimism about what was tried little
               (Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem", 2002)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Policy = Callable[[Sequence[int], Sequence[int], random.Random], int]
"""Successes and tries of each arm so far, and chance → the number of an arm."""


def uniform(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    """Any arm."""
    return chance.randrange(len(tries))


def greedy(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    """Each arm once, then the best so far."""
    if 0 in tries:
        return list(tries).index(0)
    return max(range(len(tries)), key=lambda arm: wins[arm] / tries[arm])


def thompson(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    """The best of a draw from each arm's posterior, Beta(1 + successes, 1 + failures)."""
    draws = [chance.betavariate(1 + won, 1 + tried - won) for won, tried in zip(wins, tries, strict=True)]
    return draws.index(max(draws))


def ucb1(wins: Sequence[int], tries: Sequence[int], chance: random.Random) -> int:
    """The best upper confidence bound."""
    if 0 in tries:
        return list(tries).index(0)
    log = 2 * math.log(sum(tries))
    bounds = [won / tried + math.sqrt(log / tried) for won, tried in zip(wins, tries, strict=True)]
    return bounds.index(max(bounds))


POLICIES: dict[str, Policy] = {"uniform": uniform, "greedy": greedy, "UCB1": ucb1, "Thompson": thompson}


def bandits(
    outcomes: pd.DataFrame, seeds: Iterable[int] = range(10), *, policies: Mapping[str, Policy] = POLICIES
) -> pd.DataFrame:
    """Every policy over the same requests, for each seed.

    outcomes: of `half_lives`; a column of successes for each arm, a row for each request.
    A row for each hundred requests (and the last). Columns: policy, seed, requests (so far), regret (successes of the
    best fixed arm by then, less those of the policy), arm (the one chosen most in these hundred).
    """
    arms = [name for name in outcomes.columns if name != "user_id"]
    won = outcomes[arms].to_numpy(dtype=bool)
    best = np.cumsum(won[:, won.sum(axis=0).argmax()])
    marks = [*range(100, len(won), 100), len(won)]
    rows = []
    for name, policy in policies.items():
        for seed in seeds:
            chosen = play(won, policy, seed)
            mine = np.cumsum(won[np.arange(len(won)), chosen])
            for before, mark in zip([0, *marks], marks, strict=False):
                most = np.bincount(chosen[before:mark], minlength=len(arms)).argmax()
                rows.append((name, seed, mark, int(best[mark - 1] - mine[mark - 1]), arms[most]))
    return pd.DataFrame(rows, columns=["policy", "seed", "requests", "regret", "arm"])


def play(won: NDArray[np.bool_], policy: Policy, seed: int) -> NDArray[np.int64]:
    """The arm that the policy chooses for each request. won: requests × arms; it sees only what it chose."""
    chance = random.Random(seed)
    wins, tries = [0] * won.shape[1], [0] * won.shape[1]
    chosen = np.empty(len(won), dtype=np.int64)
    for request, row in enumerate(won.tolist()):
        arm = policy(wins, tries, chance)
        wins[arm] += row[arm]
        tries[arm] += 1
        chosen[request] = arm
    return chosen


def bernoulli(shares: Sequence[float], requests: int, seed: int) -> NDArray[np.bool_]:
    """Successes of arms whose true shares are known: requests × arms."""
    drawn: NDArray[np.bool_] = np.random.default_rng(seed).random((requests, len(shares))) < np.asarray(shares)
    return drawn
