"""Which recommender is better? All of them through the same log, test then learn, in one table.

A figure alone says little: is one hit in four good? So nobody is judged alone. Each recommender sees the same
events in the same order and is asked the same questions; the rules are those of `recommend.evaluate`, and
`prequential` and its result can be had from here too.

    >>> from recsys_lab import datasets
    >>> purchases = datasets.cut(datasets.load("online-retail"), users=20)
    >>> list(compare(purchases, every=50).index)
    ['Popularity', 'TextbookRanking', 'UserNeighbours', 'ItemNeighbours']
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.evaluate import Figures, PrequentialResult, prequential
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from recsys_lab.recommend.popularity import Popularity
from recsys_lab.recommend.textbook import TextbookRanking
from recsys_lab.recommend.user_neighbours import UserNeighbours

__all__ = [
    "Figures",
    "PrequentialResult",
    "Progress",
    "compare",
    "curves",
    "figures",
    "judge",
    "latencies",
    "prequential",
]

Progress = Callable[[str, float], None]
"""Told now and then how far a recommender has come: its name, and the share of the log that it has seen, 0 to 1."""

REPORTS = 100


def compare(
    interactions: pd.DataFrame, *, k: int = 10, every: int = 20, seed: int = 0, progress: Progress | None = None
) -> pd.DataFrame:
    """The figures of Popularity, TextbookRanking, UserNeighbours and ItemNeighbours, as `figures` lays them out.

    interactions: as `datasets.load` gives them. k: length of the lists. every: every so many events is a
    question. seed: of the textbook's random term. progress: see `Progress`.
    """
    return figures(judge(interactions, k=k, every=every, seed=seed, progress=progress))


def judge(
    interactions: pd.DataFrame, *, k: int = 10, every: int = 20, seed: int = 0, progress: Progress | None = None
) -> dict[str, PrequentialResult]:
    """What `prequential` finds for each of the four, by name, from the simplest to the best. As in `compare`."""
    four: Mapping[str, Recommender] = {
        "Popularity": Popularity(),
        "TextbookRanking": TextbookRanking(seed=seed),
        "UserNeighbours": UserNeighbours(fill_with_popular=True),
        "ItemNeighbours": ItemNeighbours(),
    }
    results = {}
    for name, recommender in four.items():
        watched = recommender if progress is None else _Watched(recommender, name, len(interactions), progress)
        results[name] = prequential(watched, interactions, k, every=every)
    return results


def figures(results: Mapping[str, PrequentialResult]) -> pd.DataFrame:
    """A row for each recommender: what `judge` found, but for what is measured in wall time.

    Columns: hit_rate, ndcg (all questions); first_hit_rate, first_ndcg (the first item of each new basket, of
    which there are `first_questions`); coverage (0 to 1); novelty (bits); questions, first_questions.
    """
    rows = {
        name: {
            "hit_rate": found.hit_rate,
            "ndcg": found.ndcg,
            "first_hit_rate": found.first.hit_rate,
            "first_ndcg": found.first.ndcg,
            "coverage": found.coverage,
            "novelty": found.novelty,
            "questions": found.questions,
            "first_questions": found.first.questions,
        }
        for name, found in results.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("recommender")


def curves(results: Mapping[str, PrequentialResult]) -> pd.DataFrame:
    """The running curves of all recommenders, below each other: `recommender`, and the columns of a `curve`."""
    parts = [found.curve.assign(recommender=name) for name, found in results.items()]
    return pd.concat(parts, ignore_index=True)


def latencies(results: Mapping[str, PrequentialResult]) -> pd.DataFrame:
    """How long an answer took, in milliseconds: p50, p95, p99, p99.9. Measured, so never twice the same."""
    rows = {name: found.latency.percentiles_ms() for name, found in results.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("recommender").drop(columns="count")


class _Watched:
    """A recommender that tells how far it has come, and is itself in all else."""

    def __init__(self, recommender: Recommender, name: str, events: int, progress: Progress) -> None:
        self._recommender, self._name, self._events, self._progress = recommender, name, events, progress
        self._between = max(1, math.ceil(events / REPORTS))
        self._seen = 0
        progress(name, 0.0)

    def observe(self, user_id: str, item_id: str, weight: float, at: datetime) -> None:
        self._recommender.observe(user_id, item_id, weight, at)
        self._seen += 1
        if self._seen % self._between == 0 or self._seen == self._events:
            self._progress(self._name, self._seen / self._events)

    def recommend(
        self, user_id: str, n: int, *, at: datetime, exclude: Collection[str] = ()
    ) -> list[tuple[str, float]]:
        return self._recommender.recommend(user_id, n, at=at, exclude=exclude)

    def state(self) -> dict[str, Any]:
        return self._recommender.state()

    def restore(self, state: dict[str, Any]) -> None:
        self._recommender.restore(state)
