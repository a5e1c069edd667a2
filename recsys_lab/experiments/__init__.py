"""Experiments: each a function from parameters to a table, for a script, a test, a notebook or a widget.

Those on Kafka, on dataflows, under faults, on drift and the like (all in `_LATER`) are imported when they are first
asked for: most need them not.
"""

from importlib import import_module
from typing import Any

from recsys_lab.experiments.as_of import as_of
from recsys_lab.experiments.batch_and_stream import batch_and_stream
from recsys_lab.experiments.cache import Visit, cache_load, cache_staleness, request_latency
from recsys_lab.experiments.drifts import AbruptDrift, GradualDrift, NewItems, Season
from recsys_lab.experiments.evaluate import compare
from recsys_lab.experiments.event_life import event_life
from recsys_lab.experiments.features import hot_swap, inference_latency, leak, skew
from recsys_lab.experiments.ranking import LearnedShop, learned_shop, ranking, reseeded, staying
from recsys_lab.experiments.replay import replay
from recsys_lab.experiments.shop import first_steps, item_names, open_shop, shelf
from recsys_lab.experiments.simulation import Interactions, simulate
from recsys_lab.experiments.subscribers import subscribers
from recsys_lab.experiments.warm_up import warm_up

_LATER = {
    "VISIT_V1": "schema_reading",
    "a_morning": "on_flink.morning",
    "aa_tests": "online.ab_tests",
    "ab_test": "online.ab_tests",
    "alarms": "drift.detection",
    "answer": "on_flink.shop_job",
    "answers": "on_kafka.shop",
    "arrivals": "on_flink.lateness",
    "ask": "on_kafka.shop",
    "bad_moments": "under_faults.crash_runs",
    "bandits": "online.bandits",
    "batched_day": "batch_queue",
    "batching": "on_kafka.batching",
    "both_runtimes": "on_flink.both_runtimes",
    "cluster_facts": "on_flink.web_page",
    "committed": "on_flink.shop_topics",
    "counted_at_arrival": "on_flink.lateness",
    "crash": "on_flink.crash",
    "crash_run": "under_faults.crash_runs",
    "crash_runs": "under_faults.crash_runs",
    "crash_at_each_step": "till_log",
    "crashes": "on_kafka.guarantees",
    "expected_seconds": "under_faults.recovery",
    "explore_partitions": "on_kafka.partitions",
    "false_alarms": "online.ab_tests",
    "detection": "drift.detection",
    "detection_signals": "drift.detection",
    "detection_summary": "drift.detection",
    "figure_rows": "monitoring.figures",
    "fixed_batches": "batch_queue",
    "fold_changelog": "on_kafka.shop",
    "forget_shop": "on_kafka.shop",
    "found_by": "online.ab_tests",
    "fresh_topic": "on_kafka.topics",
    "half_lives": "online.half_lives",
    "herd": "under_faults.retries",
    "herds": "under_faults.retries",
    "hesitation": "on_flink.patterns",
    "jaccard": "monitoring.lists",
    "jensen_shannon": "monitoring.shares",
    "job_graph": "on_flink.graph",
    "jobs_on": "on_flink.web_page",
    "joined": "on_flink.joins",
    "kafka_shop": "on_kafka.shop",
    "kill_task_manager": "on_flink.two_readers",
    "keeping_up": "online.keeping_up",
    "kill_the_leader": "on_kafka.replication",
    "lambda_views": "two_layers",
    "lateness": "on_flink.lateness",
    "live_update": "online.live_update",
    "live_table": "monitoring.figures",
    "matches": "on_flink.patterns",
    "overload": "under_faults.overload",
    "overloads": "under_faults.overload",
    "outage": "flaky_sink",
    "partitions": "on_kafka.partitions",
    "purchases_topic": "on_flink.shop_topics",
    "peeking": "online.ab_tests",
    "poison": "under_faults.poison",
    "quiet_client": "on_kafka.topics",
    "rbo": "monitoring.lists",
    "reaction_summary": "drift.reaction",
    "reactions": "drift.reaction",
    "read_topic": "on_kafka.topics",
    "readers_at": "on_flink.two_readers",
    "rebalance": "on_kafka.groups",
    "recovered": "under_faults.retries",
    "recovery": "under_faults.recovery",
    "remembered": "on_flink.forgetting",
    "runtime_costs": "on_flink.costs",
    "regions": "replicas",
    "schedulers": "tenancy",
    "risers": "drift.season",
    "schema_changes": "schema_reading",
    "sell": "on_kafka.shop",
    "shop_between_topics": "on_flink.shop_topics",
    "shop_job": "on_flink.shop_job",
    "shop_run": "monitoring.shops",
    "shoppers": "on_flink.joins",
    "steps": "on_flink.stepping",
    "storm": "under_faults.retries",
    "tenants": "tenancy",
    "surprise": "drift.signals",
    "timed": "on_flink.morning",
    "told": "on_flink.morning",
    "trade_off": "drift.lab",
    "two_and_two": "on_flink.patterns",
    "two_proportions": "online.ab_tests",
    "until": "on_kafka.waiting",
    "users_needed": "online.ab_tests",
    "version_of": "online.ab_tests",
    "visit": "on_kafka.visits",
    "web_page": "on_flink.web_page",
    "watched": "drift.lab",
    "weeks": "drift.season",
    "window_kinds": "on_flink.window_kinds",
    "young": "under_faults.recovery",
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
    "batch_and_stream",
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
