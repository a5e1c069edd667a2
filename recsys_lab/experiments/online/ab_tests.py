"""A/B tests: is version B better, or was it luck? And what becomes of the answer when one looks too often.

A user is given to a version by a hash, and counts once: bought from the list or not. The two shares are compared by the
two-proportion z-test, whose promise (in 5 % of tests without a difference it sees one) holds for **one** look, at a
number of users settled before. Who looks again and again, and stops at the first p below 5 %, breaks it (Armitage,
McPherson and Rowe, "Repeated significance tests on accumulating data", 1969).

An always-valid test may be looked at after every user. This is the mixture sequential probability ratio test: a
likelihood ratio, averaged over effects that one thinks possible, has mean 1 without a difference, so it exceeds 1 / α
in at most a share α of all tests, at whatever time. (Johari, Koomen, Pekelis and Walsh, "Always valid inference:
continuous monitoring of A/B tests", Operations Research 2022; Robbins 1970.) The variance of the shares is estimated on
the way, so the promise holds from some dozens of users on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys_lab.errors import InvalidEvent, shorten

ALPHA = 0.05
POWER = 0.8
LOOKS = (1, 2, 5, 10, 20, 50, 100)
MIXTURE = 0.02
"""Standard deviation of the effects that the always-valid test expects, as a difference of shares."""

Floats = NDArray[np.float64]

_NORMAL = NormalDist()


def version_of(user_id: str, salt: str, versions: Sequence[str] = ("A", "B")) -> str:
    """The version a user gets in the test named `salt`: always the same, and by another salt independently anew."""
    digest = hashlib.sha256(f"{salt}/{user_id}".encode()).digest()
    return versions[int.from_bytes(digest[:8], "big") % len(versions)]


class Compared(NamedTuple):
    """Two shares. z: the difference in standard errors. p: chance of so large a |z| when there is no difference."""

    share_a: float
    share_b: float
    z: float
    p: float


def two_proportions(successes_a: int, users_a: int, successes_b: int, users_b: int) -> Compared:
    """The two-sided two-proportion z-test with pooled variance. Raises InvalidEvent for counts that cannot be."""
    for successes, users in ((successes_a, users_a), (successes_b, users_b)):
        if users < 1 or not 0 <= successes <= users:
            raise InvalidEvent(f"successes are {successes} of {users} users; from 0 to all of at least one are needed.")
    share_a, share_b = successes_a / users_a, successes_b / users_b
    pooled = (successes_a + successes_b) / (users_a + users_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / users_a + 1 / users_b))
    z = (share_b - share_a) / error if error else 0.0
    return Compared(share_a, share_b, z, 2 * _NORMAL.cdf(-abs(z)))


def users_needed(share: float, effect: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Users in **each** version so that a true difference is seen with probability `power`.

    share: of version A, 0 to 1. effect: share of B less share of A. (Fleiss, "Statistical methods for rates and
    proportions", 1981.) Raises InvalidEvent for shares outside 0 to 1, and for no effect.
    """
    other = share + effect
    if not (0 < share < 1 and 0 < other < 1) or not effect:
        raise InvalidEvent(
            f"share is {shorten(share)} and effect {shorten(effect)}; two different shares in 0…1 are needed."
        )
    mean = (share + other) / 2
    certain, seen = _NORMAL.inv_cdf(1 - alpha / 2), _NORMAL.inv_cdf(power)
    spread = certain * math.sqrt(2 * mean * (1 - mean))
    spread += seen * math.sqrt(share * (1 - share) + other * (1 - other))
    return math.ceil((spread / effect) ** 2)


def always_valid_bound(
    users: Floats | float, variance: Floats | float, *, alpha: float = ALPHA, mixture: float = MIXTURE
) -> Floats:
    """How large |z| must be after so many users in each version for the always-valid p-value to be below alpha.

    variance: share_a (1 − share_a) + share_b (1 − share_b). It solves Λ = 1 / alpha for z; see the module.
    """
    ratio = np.asarray(users) * mixture**2 / np.asarray(variance)
    bound: Floats = np.sqrt((1 + 1 / ratio) * (2 * math.log(1 / alpha) + np.log1p(ratio)))
    return bound


def ab_test(outcomes: pd.DataFrame, version_a: str, version_b: str, *, salt: str = "test 1") -> pd.DataFrame:
    """A test between two versions: each user's questions are answered by one of them, chosen by hash.

    outcomes: of `half_lives`: `user_id`, and a column for each version. A user is a success with one hit at least.
    One row: users_a, users_b, share_a, share_b, z, p; true_a, true_b (the shares had all users had that version).
    """
    users = outcomes.groupby("user_id")[list(dict.fromkeys([version_a, version_b]))].any()
    given = np.array([version_of(str(user), salt) for user in users.index])
    a, b = users.loc[given == "A", version_a], users.loc[given == "B", version_b]
    found = two_proportions(int(a.sum()), len(a), int(b.sum()), len(b))
    row = {"users_a": len(a), "users_b": len(b), **found._asdict()}
    return pd.DataFrame([{**row, "true_a": users[version_a].mean(), "true_b": users[version_b].mean()}])


def aa_tests(outcomes: pd.DataFrame, version: str, *, tests: int = 1_000) -> pd.DataFrame:
    """The same version on both sides, users dealt out anew in each of many tests: how often is there "a difference"?

    outcomes: of `half_lives`. Columns: test, unit, p. unit: what is counted: "user" (once each; right), or "request"
    (all requests, as if each had been dealt out on its own; wrong, for those of one user are alike).
    """
    by_user = outcomes.groupby("user_id")[version].agg(["any", "sum", "size"])
    hits, requests = by_user["sum"].to_numpy(), by_user["size"].to_numpy()
    success = by_user["any"].to_numpy()
    rows = []
    for test in range(tests):
        a = np.array([version_of(str(user), f"A/A {test}") == "A" for user in by_user.index])
        user = two_proportions(int(success[a].sum()), int(a.sum()), int(success[~a].sum()), int((~a).sum()))
        request = two_proportions(
            int(hits[a].sum()), int(requests[a].sum()), int(hits[~a].sum()), int(requests[~a].sum())
        )
        rows += [(test, "user", user.p), (test, "request", request.p)]
    return pd.DataFrame(rows, columns=["test", "unit", "p"])


def peeking(
    looks: int = 20, effect: float = 0.0, *, share: float = 0.1, users: int = 5_000, tests: int = 1_000, seed: int = 0
) -> pd.DataFrame:
    """Many tests, each looked at several times on its way.

    looks: at equal distances, the last at the end. effect: share of B less share of A, in truth. users: in each version
    at the end. Columns: test, look (from 1), users (in each version so far), z, bound (of the always-valid test),
    beyond (|z| is beyond the limit of a single look), beyond_bound; limit and effect, the same in each row.
    """
    if isinstance(looks, bool) or not isinstance(looks, int) or not 1 <= looks <= users:
        raise InvalidEvent(f"looks is {shorten(looks)}; a whole number from 1 to the number of users is needed.")
    chance = np.random.default_rng(seed)
    edges = np.round(np.arange(looks + 1) * users / looks).astype(int)
    new = np.diff(edges)
    a = chance.binomial(new, share, (tests, looks)).cumsum(axis=1)
    b = chance.binomial(new, share + effect, (tests, looks)).cumsum(axis=1)
    so_far = edges[1:]
    share_a, share_b, pooled = a / so_far, b / so_far, (a + b) / (2 * so_far)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) * 2 / so_far, 1e-12))
    variance = np.maximum(share_a * (1 - share_a) + share_b * (1 - share_b), 1e-9)
    table = {
        "test": np.repeat(np.arange(tests), looks),
        "look": np.tile(np.arange(1, looks + 1), tests),
        "users": np.tile(so_far, tests),
        "z": ((share_b - share_a) / error).ravel(),
        "bound": always_valid_bound(so_far, variance).ravel(),
    }
    found = pd.DataFrame(table)
    limit = _NORMAL.inv_cdf(1 - ALPHA / 2)
    beyond = {"beyond": found["z"].abs() > limit, "beyond_bound": found["z"].abs() > found["bound"]}
    return found.assign(**beyond, limit=limit, effect=effect)


def found_by(table: pd.DataFrame) -> pd.Series:
    """The share of tests that see a difference, by rule. table: of `peeking`.

    at the end: one look, |z| beyond its limit. at any look: any |z| beyond the same limit. always valid: any beyond the
    bound.
    """
    by_test = table.groupby("test")
    shares = {
        "at the end": table.loc[table["look"] == table["look"].max(), "beyond"].mean(),
        "at any look": by_test["beyond"].any().mean(),
        "always valid": by_test["beyond_bound"].any().mean(),
    }
    return pd.Series({rule: float(share) for rule, share in shares.items()}, name="found")


def false_alarms(looks: Iterable[int] = LOOKS, *, tests: int = 4_000, seed: int = 0) -> pd.DataFrame:
    """Tests without a difference that see one, by the number of looks. Columns: looks, rule, share."""
    rows = [
        (number, rule, share)
        for number in looks
        for rule, share in found_by(peeking(number, tests=tests, seed=seed)).items()
    ]
    return pd.DataFrame(rows, columns=["looks", "rule", "share"])
