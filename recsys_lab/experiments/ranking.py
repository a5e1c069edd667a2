"""The textbook's ranking beside ours: the same customer, the same candidates, factor by factor.

Both rules turn fifty candidates into scores between 0 and 1, from the same constants. They are compared on
one shop that has learned from real purchases, so that nothing differs but the rule. And because an order that
means something does not depend on the seed of its random term, the same request is ranked with many seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import pandas as pd

from recsys_lab.clock import IdSource
from recsys_lab.events import UserInteractionEvent, interaction_weight
from recsys_lab.experiments.shop import item_names
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.ranking import (
    EXPLORATION,
    ContextualRanker,
    Factor,
    Scored,
    interaction_words,
    noise_of_items,
)
from recsys_lab.recommend.textbook import textbook_factors

CANDIDATES = 50
REMEMBERED = 100

RULES = ("textbook", "ours")
GROUPS = ("base", "retrieval", "recent interactions", "context", "exploration", "clamped")


@dataclass(frozen=True, eq=False)
class LearnedShop:
    """What a ranking needs to know, learned from purchases. `at`: the moment just after the last of them."""

    at: datetime
    recommender: ItemNeighbours = field(repr=False)
    recent: Mapping[str, Sequence[UserInteractionEvent]] = field(repr=False)
    item_features: Mapping[str, Mapping[str, Any]] = field(repr=False)
    names: Mapping[str, str] = field(repr=False)

    def describe(self, user_id: str) -> str:
        """The customer in a few words, such as "16656: 5 purchases, the last 1 h ago"."""
        recent = self.recent.get(user_id)
        if not recent:
            return "a stranger"
        last = interaction_words(recent[-1], self.at).split(recent[-1].item_id)[1].strip()
        return f"{user_id}: {len(recent)} purchase{'s' * (len(recent) > 1)}, the last {last}"


def learned_shop(purchases: pd.DataFrame) -> LearnedShop:
    """A shop that has learned from the purchases, which are as `datasets.load` gives them."""
    recommender, recent, ids = ItemNeighbours(), dict[str, list[UserInteractionEvent]](), IdSource()
    for row in purchases.itertuples(index=False):
        user_id, item_id, kind = str(row.user_id), str(row.item_id), str(row.interaction_type)
        at = row.timestamp.to_pydatetime()  # type: ignore[union-attr]
        event = UserInteractionEvent(
            event_id=ids(), timestamp=at, user_id=user_id, item_id=item_id, interaction_type=kind
        )
        recommender.observe(user_id, item_id, interaction_weight(kind), at)
        recent.setdefault(user_id, []).append(event)
    items = purchases.drop_duplicates("item_id")
    return LearnedShop(
        at=purchases["timestamp"].max().to_pydatetime(),
        recommender=recommender,
        recent={user_id: events[-REMEMBERED:] for user_id, events in recent.items()},
        item_features={str(i): {"category": c} for i, c in zip(items["item_id"], items["category"], strict=True)},
        names=item_names(purchases),
    )


def ranking(
    shop: LearnedShop,
    user_id: str,
    *,
    context: Mapping[str, Any] | None = None,
    exploration: float = EXPLORATION,
    seed: int = 0,
    n: int = 8,
) -> pd.DataFrame:
    """The n best candidates by each rule, and what made their scores.

    context: of the request; "device" and "time_of_day" count. exploration: half-width of the random term.
    Columns: rule, place (1 is best), item_id, name, category, group (one of GROUPS), factor (in words), effect,
    score. The effects of a (rule, item_id) add up to its score. `spread` is the difference between the best and
    the last of all candidates with the random term left out.
    """
    rows = []
    for rule in RULES:
        certain = [one.score for one in _ranked(shop, rule, user_id, context or {}, 0.0, seed)]
        spread = round(certain[0] - certain[-1], 9)
        scored = _ranked(shop, rule, user_id, context or {}, exploration, seed)
        for place, (item_id, score, factors) in enumerate(scored[:n], start=1):
            what = (rule, place, item_id, shop.names[item_id], shop.item_features[item_id]["category"])
            rows += [
                (*what, _group(words), _named(words, shop.names), effect, score, spread) for words, effect in factors
            ]
    columns = ["rule", "place", "item_id", "name", "category", "group", "factor", "effect", "score", "spread"]
    return pd.DataFrame(rows, columns=columns)


def reseeded(
    shop: LearnedShop, user_id: str, *, exploration: float = EXPLORATION, seeds: Iterable[int] = range(40), n: int = 10
) -> pd.DataFrame:
    """The same request ranked with many seeds: who is among the first n?

    Columns: rule, seed, item_id, place (0 for a candidate that is not among the first n).
    """
    rows = []
    for rule in RULES:
        for seed in seeds:
            scored = _ranked(shop, rule, user_id, {}, exploration, seed)
            rows += [(rule, seed, one.item_id, place if place <= n else 0) for place, one in enumerate(scored, start=1)]
    return pd.DataFrame(rows, columns=["rule", "seed", "item_id", "place"])


def staying(table: pd.DataFrame) -> pd.Series:
    """How many of the first n stay from one seed to the next, on average, by rule. table: of `reseeded`."""
    listed = table[table["place"] > 0].groupby(["rule", "seed"], sort=False)["item_id"].agg(set)
    return pd.Series({rule: _mean_overlap(listed[rule].tolist()) for rule in RULES}, name="items that stay")


def _mean_overlap(lists: list[set[str]]) -> float:
    overlaps = [len(one & other) for one, other in pairwise(lists)]
    return sum(overlaps) / len(overlaps)


def _ranked(
    shop: LearnedShop, rule: str, user_id: str, context: Mapping[str, Any], exploration: float, seed: int
) -> list[Scored]:
    """All candidates by one rule, best first."""
    recent = shop.recent.get(user_id, ())
    candidates = shop.recommender.recommend(
        user_id, CANDIDATES, at=shop.at, exclude={event.item_id for event in recent}
    )
    if rule == "ours":
        return ContextualRanker(shop.recommender.relation, exploration=exploration, seed=seed).score(
            candidates,
            user_id=user_id,
            recent=recent,
            item_features=shop.item_features,
            context=context,
            at=shop.at,
            interaction_count=len(recent),
        )
    noise = noise_of_items(seed, user_id, len(recent))
    factors = {
        item_id: textbook_factors(recent, context=context, at=shop.at, noise=exploration * noise(item_id))
        for item_id, _ in candidates
    }
    return sorted(_as_scored(factors), key=lambda one: (-one.score, one.item_id))


def _as_scored(factors: Mapping[str, list[Factor]]) -> Iterator[Scored]:
    for item_id, of_item in factors.items():
        yield Scored(item_id, round(sum(effect for _, effect in of_item), 9), tuple(of_item))


def _named(factor: str, names: Mapping[str, str]) -> str:
    """The factor with the item's name in place of its code."""
    return " ".join(names.get(word, word) for word in factor.split(" "))


def _group(factor: str) -> str:
    """Which of GROUPS a factor belongs to; the names are those that `recommend.ranking` gives."""
    if factor.startswith(("mobile", "time of day")):
        return "context"
    return next((group for group in GROUPS if factor.startswith(group)), "recent interactions")
