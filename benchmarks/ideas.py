"""What each idea in `ItemNeighbours` buys: its hit rate without it, test then learn, on logs of different kinds.

    python -m benchmarks.ideas        (some minutes)

The table in `recsys_lab/recommend/item_neighbours.py` is printed by this. Nothing of it is random or measured in time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from unittest.mock import patch

import pandas as pd

from recsys_lab import datasets
from recsys_lab.experiments import simulate
from recsys_lab.recommend import item_neighbours, lags, pairs
from recsys_lab.recommend.base import Recommender
from recsys_lab.recommend.evaluate import prequential
from recsys_lab.recommend.item_neighbours import ItemNeighbours
from tests.recommend import logs
from tests.recommend.sketch import Sketch

EVERY = 5
"""Every so many events is a question."""

WITHOUT: dict[str, tuple[object, str, object]] = {
    "lag weights as first guessed": (lags, "RATE", 0.0),
    "all pairs count 1": (lags.LagWeights, "of_pairs", lambda self, in_visit: [1.0] * lags.STEPS),
    "no popularity": (item_neighbours, "POPULAR", 0),
    "no visits": (item_neighbours, "PAUSE", timedelta.max),
    "hardly a prior (0.5)": (item_neighbours, "PRIOR", 0.5),
    "lists of 64 neighbours": (pairs, "NEIGHBOURS", 64),
    "weights as learned": (item_neighbours, "_tempered", lambda weights: weights),
}
"""Row of the table → what is replaced for it: where, which name, by what."""


def kinds() -> dict[str, pd.DataFrame]:
    """A log of each kind: real, simulated with and without sessions, and two with nothing but tastes."""
    return {
        "purchases": datasets.cut(datasets.load("online-retail"), users=150),
        "shop": simulate(250, 600, 20, seed=7).events,
        "baskets": logs.baskets(seed=7),
        "genres": logs.tastes(seed=7),
        "raters": logs.raters(seed=7),
    }


def hit_rates(recommender: Callable[[], Recommender], on: dict[str, pd.DataFrame]) -> list[float]:
    """HR@10 on each log."""
    return [prequential(recommender(), log, every=EVERY).hit_rate for log in on.values()]


def main() -> None:
    """Print the table."""
    on = kinds()
    print(f"{'':32}", "  ".join(f"{name:>9}" for name in on))
    _print("all of it", hit_rates(ItemNeighbours, on))
    for name, (where, what, instead) in WITHOUT.items():
        with patch.object(where, what, instead):
            _print(name, hit_rates(ItemNeighbours, on))
    _print("the sketch", hit_rates(Sketch, on))


def _print(name: str, figures: list[float]) -> None:
    print(f"{name:32}", "  ".join(f"{figure:9.3f}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
