"""Experiments: each a function from parameters to a table, for a script, a test, a notebook or a widget.

Those on Kafka and on dataflows (`on_kafka`, `on_flink`) are imported when they are first asked for: most need them not.
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

_LATER = {
    "VISIT_V1": "schema_reading",
    "a_morning": "on_flink.morning",
    "answer": "on_flink.shop_job",
    "answers": "on_kafka.shop",
    "arrivals": "on_flink.lateness",
    "ask": "on_kafka.shop",
    "batched_day": "batch_queue",
    "batching": "on_kafka.batching",
    "crash": "on_flink.crash",
    "crash_at_each_step": "till_log",
    "crashes": "on_kafka.guarantees",
    "explore_partitions": "on_kafka.partitions",
    "fixed_batches": "batch_queue",
    "fold_changelog": "on_kafka.shop",
    "forget_shop": "on_kafka.shop",
    "fresh_topic": "on_kafka.topics",
    "hesitation": "on_flink.patterns",
    "job_graph": "on_flink.graph",
    "joined": "on_flink.joins",
    "kafka_shop": "on_kafka.shop",
    "kill_the_leader": "on_kafka.replication",
    "lateness": "on_flink.lateness",
    "matches": "on_flink.patterns",
    "outage": "flaky_sink",
    "partitions": "on_kafka.partitions",
    "quiet_client": "on_kafka.topics",
    "read_topic": "on_kafka.topics",
    "rebalance": "on_kafka.groups",
    "remembered": "on_flink.forgetting",
    "schema_changes": "schema_reading",
    "sell": "on_kafka.shop",
    "shop_job": "on_flink.shop_job",
    "shoppers": "on_flink.joins",
    "steps": "on_flink.stepping",
    "timed": "on_flink.morning",
    "told": "on_flink.morning",
    "two_and_two": "on_flink.patterns",
    "until": "on_kafka.waiting",
    "visit": "on_kafka.visits",
    "window_kinds": "on_flink.window_kinds",
}
"""Name → the module that has it."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_LATER])


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
