"""Plots: what a table looks like. Each takes a table and gives a picture whose title is the finding."""

from recsys_lab.plots.batch_loads import batch_loads, batch_loads_sentence
from recsys_lab.plots.batching import batching, batching_finding, batching_sentence
from recsys_lab.plots.cache import cache_sentence, cache_staleness, request_latency
from recsys_lab.plots.crash import crash, crash_sentence
from recsys_lab.plots.crash_steps import crash_steps, crash_steps_sentence
from recsys_lab.plots.evaluation import hit_rates, learning_curves
from recsys_lab.plots.features import as_of, as_of_sentence, hot_swap, inference_latency, leak, skew
from recsys_lab.plots.forgetting import remembered
from recsys_lab.plots.groups import rebalance, rebalance_finding
from recsys_lab.plots.guarantees import crashes, crashes_finding, crashes_sentence
from recsys_lab.plots.job_graph import job_graph
from recsys_lab.plots.joins import joined
from recsys_lab.plots.lateness import lateness, lateness_sentence
from recsys_lab.plots.outage import outage, outage_sentence
from recsys_lab.plots.package_map import package_map
from recsys_lab.plots.partitions import partitions, partitions_finding, partitions_sentence
from recsys_lab.plots.patterns import matches
from recsys_lab.plots.progress_map import progress_map
from recsys_lab.plots.ranking import ranking, ranking_sentence, reseeded
from recsys_lab.plots.replication import acknowledged, replication, replication_finding, replication_sentence
from recsys_lab.plots.schema_changes import schema_changes
from recsys_lab.plots.shelf import shelf, shelf_sentence
from recsys_lab.plots.stepping import steps, steps_sentence
from recsys_lab.plots.subscribers import subscribers, subscribers_sentence
from recsys_lab.plots.timeline import event_timeline, timeline_sentence
from recsys_lab.plots.topics_map import topics_map
from recsys_lab.plots.warm_up import warm_up
from recsys_lab.plots.window_kinds import window_kinds, window_kinds_sentence

__all__ = [
    "acknowledged",
    "as_of",
    "as_of_sentence",
    "batch_loads",
    "batch_loads_sentence",
    "batching",
    "batching_finding",
    "batching_sentence",
    "cache_sentence",
    "cache_staleness",
    "crash",
    "crash_sentence",
    "crash_steps",
    "crash_steps_sentence",
    "crashes",
    "crashes_finding",
    "crashes_sentence",
    "event_timeline",
    "hit_rates",
    "hot_swap",
    "inference_latency",
    "job_graph",
    "joined",
    "lateness",
    "lateness_sentence",
    "leak",
    "learning_curves",
    "matches",
    "outage",
    "outage_sentence",
    "package_map",
    "partitions",
    "partitions_finding",
    "partitions_sentence",
    "progress_map",
    "ranking",
    "ranking_sentence",
    "rebalance",
    "rebalance_finding",
    "remembered",
    "replication",
    "replication_finding",
    "replication_sentence",
    "request_latency",
    "reseeded",
    "schema_changes",
    "shelf",
    "shelf_sentence",
    "skew",
    "steps",
    "steps_sentence",
    "subscribers",
    "subscribers_sentence",
    "timeline_sentence",
    "topics_map",
    "warm_up",
    "window_kinds",
    "window_kinds_sentence",
]
