"""Experiments: each a function from parameters to a table, for a script, a test, a notebook or a widget.

Those on dataflows (`on_flink`) are imported when they are first asked for: most readers need them not.
"""

from importlib import import_module
from typing import Any

from recsys_lab.experiments.as_of import as_of
from recsys_lab.experiments.cache import Visit, cache_load, cache_staleness
from recsys_lab.experiments.drifts import AbruptDrift, GradualDrift, NewItems, Season
from recsys_lab.experiments.evaluate import compare
from recsys_lab.experiments.event_life import event_life
from recsys_lab.experiments.features import hot_swap, inference_latency, leak, skew
from recsys_lab.experiments.latency import request_latency
from recsys_lab.experiments.ranking import LearnedShop, learned_shop, ranking, reseeded, staying
from recsys_lab.experiments.replay import replay
from recsys_lab.experiments.shop import first_steps, item_names, open_shop, shelf
from recsys_lab.experiments.simulation import Interactions, simulate
from recsys_lab.experiments.subscribers import subscribers
from recsys_lab.experiments.warm_up import warm_up

_ON_FLINK = {
    "a_morning": "morning",
    "answer": "shop_job",
    "arrivals": "lateness",
    "crash": "crash",
    "hesitation": "patterns",
    "job_graph": "graph",
    "joined": "joins",
    "lateness": "lateness",
    "matches": "patterns",
    "remembered": "forgetting",
    "shop_job": "shop_job",
    "shoppers": "joins",
    "steps": "stepping",
    "timed": "morning",
    "told": "morning",
    "two_and_two": "patterns",
    "window_kinds": "window_kinds",
}
"""Name → the module of `on_flink` that has it."""


def __getattr__(name: str) -> Any:
    if name not in _ON_FLINK:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.on_flink.{_ON_FLINK[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ON_FLINK])


__all__ = [
    "AbruptDrift",
    "GradualDrift",
    "Interactions",
    "LearnedShop",
    "NewItems",
    "Season",
    "Visit",
    "as_of",
    "cache_load",
    "cache_staleness",
    "compare",
    "event_life",
    "first_steps",
    "hot_swap",
    "inference_latency",
    "item_names",
    "leak",
    "learned_shop",
    "open_shop",
    "ranking",
    "replay",
    "request_latency",
    "reseeded",
    "shelf",
    "simulate",
    "skew",
    "staying",
    "subscribers",
    "warm_up",
]
