"""Ranking in context: from candidates to final scores between 0 and 1, each the sum of factors one can read.

The constants are the textbook's (`textbook.py` has its rule, whose order is chance because no factor looks at
the item). Here everything that can depend on the item does:

- base: the best candidate starts from 0.5, the others in proportion to their retrieval score, from 0.1 up;
- each recent interaction: weight × exp(−age in hours / 24) × 0.1, as in the textbook, times its relation to
  the candidate, 0 to 1: how strongly the two items go together, and whether they share a category;
- context: × 1.1 on a mobile device, × 1.05 in the evening or at night;
- exploration: even in ±0.1, from a hash, so that a restart or a second instance changes nothing.

An interaction closes its share of the distance left to a ceiling, rather than adding it: a sum over recent
interactions can pass 1, and clamping would make equals of the best. Floor and ceiling are such that context
and exploration (up to 0.1) never carry a score out of 0 to 1, so clamping never decides an order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from recsys_lab.checks import refuse
from recsys_lab.events import UserInteractionEvent, interaction_weight
from recsys_lab.profiles import categories

BASE = 0.5
INTERACTION_SHARE = 0.1
FORGETTING_HOURS = 24.0
MOBILE = 1.1
EVENING = 1.05
EXPLORATION = 0.1

FLOOR = EXPLORATION
CEILING = (1.0 - EXPLORATION) / (MOBILE * EVENING)

RECENT = 10
"""Most interactions that enter, the latest, so that ranking costs O(candidates × 10)."""

SHARED_CATEGORY = 0.1
"""Relation of two items that share a category and nothing else."""

Relation = Callable[[str, str], float]
"""How strongly two items go together, 0 to 1; `ItemNeighbours.relation` is one."""

Factor = tuple[str, float]
"""What moved a score, in words, and the amount that it added."""


class Scored(NamedTuple):
    """A candidate's final score, 0 to 1, and the factors whose effects add up to it."""

    item_id: str
    score: float
    factors: tuple[Factor, ...]

    def reasons(self, most: int = 3) -> tuple[str, ...]:
        """The factors that raised the score most, in words, strongest first."""
        raised = sorted((-effect, words) for words, effect in self.factors if effect > 0)
        return tuple(words for _, words in raised[:most])


class ContextualRanker:
    """Orders candidates for a user, at a time, in a context. Pure: it remembers nothing.

    relation: see `Relation`. exploration: half-width of the random term, 0 (off) to 1; above 0.1 scores may
    be clamped. seed: of that term, which depends on (seed, user, item, interaction count) only.
    Raises InvalidEvent for an exploration outside 0 to 1.
    """

    def __init__(self, relation: Relation, *, exploration: float = EXPLORATION, seed: int = 0) -> None:
        if not 0.0 <= exploration <= 1.0:
            refuse("exploration", exploration, "a number from 0 (off) to 1 is needed.")
        self._relation = relation
        self._exploration = exploration
        self._seed = seed

    def score(
        self,
        candidates: Sequence[tuple[str, float]],
        *,
        user_id: str,
        recent: Sequence[UserInteractionEvent],
        item_features: Mapping[str, Mapping[str, Any]],
        context: Mapping[str, Any],
        at: datetime,
        interaction_count: int,
        n: int | None = None,
    ) -> list[Scored]:
        """The `n` best candidates (by default all), best first, ties by item id, each with its factors.

        candidates: (item, retrieval score) pairs, each item once; scores on any scale, higher is better.
        recent: the user's interactions, newest last; the last 10 enter; one later than `at` has age 0.
        item_features: by item; "category" is read (a text or a list of texts), where there is one.
        context: "device" and "time_of_day" are read, all else is ignored.
        interaction_count: how many interactions the user had so far.
        """
        given = [score for _, score in candidates]
        situation = _Situation(
            relation=self._relation,
            lowest=min([0.0, *given]),
            best=max(given, default=0.0),
            memories=_memories(recent, item_features, at),
            item_features=item_features,
            multipliers=context_multipliers(context),
            exploration=self._exploration,
            noise=noise_of_items(self._seed, user_id, interaction_count),
        )
        finals = [(-round(situation.path(*candidate)[-1], 9), *candidate) for candidate in candidates]
        return [
            Scored(item_id, -negated, situation.factors(item_id, retrieved))
            for negated, item_id, retrieved in sorted(finals)[:n]
        ]

    def explain(self, item_id: str, candidates: Sequence[tuple[str, float]], **request: Any) -> list[Factor]:
        """The factors of one candidate, which add up to its score. `request`: what `score` takes, but no `n`.

        Raises InvalidEvent when the item is not among the candidates.
        """
        factors = {scored.item_id: scored.factors for scored in self.score(candidates, **request)}
        if item_id not in factors:
            refuse("item_id", item_id, f"it is not one of the {len(candidates)} candidates. Ask for one.")
        return list(factors[item_id])


def no_relation(item_a: str, item_b: str) -> float:
    """The relation of any two items, for recommenders that do not say how items go together."""
    return 0.0


def recency_share(weight: float, age: timedelta) -> float:
    """What an interaction counts for: weight × exp(−age in hours / 24) × 0.1; a negative age counts as 0."""
    hours = max(age / timedelta(hours=1), 0.0)
    return weight * math.exp(-hours / FORGETTING_HOURS) * INTERACTION_SHARE


def context_multipliers(context: Mapping[str, Any]) -> list[Factor]:
    """The (name, multiplier) pairs that a request's context brings; what it does not know, it ignores."""
    multipliers = []
    if context.get("device") == "mobile":
        multipliers.append(("mobile device", MOBILE))
    if context.get("time_of_day") in ("evening", "night"):
        multipliers.append((f"time of day: {context['time_of_day']}", EVENING))
    return multipliers


def noise_of_items(seed: int, user_id: str, interaction_count: int) -> Callable[[str], float]:
    """A function from item to a number even in −1 to 1: the same for the same four, on every machine."""
    known = blake2b(json.dumps([seed, user_id, interaction_count]).encode(), digest_size=8)

    def noise(item_id: str) -> float:
        digest = known.copy()
        digest.update(item_id.encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest(), "big") / 2**63 - 1.0

    return noise


def clamp(score: float) -> float:
    """The score, or the nearer end of 0 to 1 when it lies outside."""
    return min(max(score, 0.0), 1.0)


def effects(names: Iterable[str], path: Iterable[float]) -> tuple[Factor, ...]:
    """What each factor added, given the running score after each; factors that added nothing are left out.

    In 9 decimals, so that the effects add up to the last score of the path as it is shown.
    """
    added, before = [], 0.0
    for name, running in zip(names, path, strict=True):
        after = round(running, 9)
        if after != before:
            added.append((name, round(after - before, 9)))
        before = after
    return tuple(added)


def interaction_words(event: UserInteractionEvent, at: datetime) -> str:
    """The interaction as people say it, such as "click on lamp 2 h ago"."""
    minutes = (at - event.timestamp) // timedelta(minutes=1)
    if minutes < 1:
        age = "just now"
    elif minutes < 60:
        age = f"{minutes} min ago"
    elif minutes < 48 * 60:
        age = f"{minutes // 60} h ago"
    else:
        age = f"{minutes // (24 * 60)} days ago"
    return f"{event.interaction_type} on {event.item_id} {age}"


class _Memory(NamedTuple):
    """A recent interaction: what it counts for before its relation to a candidate is known."""

    item_id: str
    share: float
    categories: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class _Situation:
    """All that the candidates of one request have in common."""

    relation: Relation
    lowest: float
    best: float
    memories: list[_Memory]
    item_features: Mapping[str, Mapping[str, Any]]
    multipliers: list[Factor]
    exploration: float
    noise: Callable[[str], float]

    def path(self, item_id: str, retrieved: float) -> list[float]:
        """The running score after each factor, in the order of `_names`; the last is the final score."""
        score = FLOOR + (BASE - FLOOR) * self._of_best(retrieved)
        path = [BASE, score]
        own = self._categories(item_id)
        for memory in self.memories:
            score += (CEILING - score) * memory.share * self._relation_to(memory, item_id, own)
            path.append(score)
        for _, multiplier in self.multipliers:
            score *= multiplier
            path.append(score)
        if self.exploration:
            score += self.exploration * self.noise(item_id)
        return [*path, score, clamp(score)]

    def factors(self, item_id: str, retrieved: float) -> tuple[Factor, ...]:
        """What `path` did, in words."""
        own = self._categories(item_id)
        names = ["base", f"retrieval: {self._of_best(retrieved):.0%} of the best candidate's score"]
        names += [memory.words + _shared_words(memory.categories, own) for memory in self.memories]
        names += [name for name, _ in self.multipliers]
        names += ["exploration", "clamped to 0…1"]
        return effects(names, self.path(item_id, retrieved))

    def _of_best(self, retrieved: float) -> float:
        """The retrieval score as a share of the best, 0 to 1; counted from the lowest if that is negative."""
        span = self.best - self.lowest
        return (retrieved - self.lowest) / span if span > 0.0 else 1.0

    def _categories(self, item_id: str) -> tuple[str, ...]:
        return _categories_of(item_id, self.item_features)

    def _relation_to(self, memory: _Memory, item_id: str, own: tuple[str, ...]) -> float:
        """0 to 1: often together, or of one category; both count, as two independent reasons do."""
        if memory.item_id == item_id:
            return 1.0
        together = self.relation(memory.item_id, item_id)
        alike = SHARED_CATEGORY if _shared(memory.categories, own) else 0.0
        return 1.0 - (1.0 - together) * (1.0 - alike)


def _memories(
    recent: Sequence[UserInteractionEvent], item_features: Mapping[str, Mapping[str, Any]], at: datetime
) -> list[_Memory]:
    """The latest interactions, newest first; without those too old to show in 9 decimals."""
    memories = [
        _Memory(
            item_id=event.item_id,
            share=recency_share(interaction_weight(event.interaction_type), at - event.timestamp),
            categories=_categories_of(event.item_id, item_features),
            words=interaction_words(event, at),
        )
        for event in reversed(recent[-RECENT:])
    ]
    return [memory for memory in memories if memory.share > 1e-10]


def _categories_of(item_id: str, item_features: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return categories(item_features.get(item_id, {}).get("category"))


def _shared(theirs: tuple[str, ...], own: tuple[str, ...]) -> list[str]:
    return [category for category in own if category in theirs]


def _shared_words(theirs: tuple[str, ...], own: tuple[str, ...]) -> str:
    shared = _shared(theirs, own)
    return f", shared category {', '.join(shared)}" if shared else ""
