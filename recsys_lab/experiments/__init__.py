"""Experiments: each a function from parameters to a table, for a script, a test, a notebook or a widget.

Those on Kafka (`on_kafka`) are imported when they are first asked for: the client takes a moment, and most need it not.
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

_ON_KAFKA = {
    "answers": "shop",
    "ask": "shop",
    "batching": "batching",
    "crashes": "guarantees",
    "explore_partitions": "partitions",
    "fold_changelog": "shop",
    "forget_shop": "shop",
    "fresh_topic": "topics",
    "kafka_shop": "shop",
    "kill_the_leader": "replication",
    "partitions": "partitions",
    "quiet_client": "topics",
    "read_topic": "topics",
    "rebalance": "groups",
    "sell": "shop",
    "until": "waiting",
    "visit": "visits",
}
"""Name → the module of `on_kafka` that has it."""


def __getattr__(name: str) -> Any:
    if name not in _ON_KAFKA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.on_kafka.{_ON_KAFKA[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ON_KAFKA])


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
