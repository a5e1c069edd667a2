"""Plots: what a table looks like. Each takes a table and gives a picture whose title is the finding."""

from recsys_lab.plots.ab_tests import aa_tests, false_alarms, peeking, peeking_sentence
from recsys_lab.plots.at_arrival import at_arrival
from recsys_lab.plots.bandits import bandits
from recsys_lab.plots.batch_and_stream import batch_and_stream, batch_and_stream_sentence
from recsys_lab.plots.batch_loads import batch_loads, batch_loads_sentence
from recsys_lab.plots.batching import batching, batching_finding, batching_sentence
from recsys_lab.plots.both_runtimes import both_runtimes, both_runtimes_sentence
from recsys_lab.plots.cache import cache_sentence, cache_staleness, request_latency
from recsys_lab.plots.course_map import course_map
from recsys_lab.plots.crash import crash, crash_sentence
from recsys_lab.plots.crash_runs import crash_run, crash_run_sentence, crash_runs
from recsys_lab.plots.crash_steps import crash_steps
from recsys_lab.plots.dashboard import dashboard, dashboard_finding
from recsys_lab.plots.drift import detection, drift_lab, drift_lab_finding, drift_lab_sentence, reactions, season
from recsys_lab.plots.evaluation import hit_rates, learning_curves
from recsys_lab.plots.features import as_of, hot_swap, inference_latency, leak, skew
from recsys_lab.plots.forgetting import remembered
from recsys_lab.plots.groups import rebalance, rebalance_finding
from recsys_lab.plots.guarantees import crashes, crashes_sentence
from recsys_lab.plots.job_graph import job_graph
from recsys_lab.plots.joins import joined
from recsys_lab.plots.keeping_up import keeping_up
from recsys_lab.plots.lateness import lateness, lateness_sentence
from recsys_lab.plots.live_update import live_update
from recsys_lab.plots.outage import outage
from recsys_lab.plots.overload import overload, overload_finding, overload_sentence
from recsys_lab.plots.package_map import package_map
from recsys_lab.plots.partitions import partitions, partitions_sentence
from recsys_lab.plots.patterns import matches
from recsys_lab.plots.poison import poison
from recsys_lab.plots.progress_map import progress_map
from recsys_lab.plots.ranking import ranking, reseeded
from recsys_lab.plots.recovery import recovery
from recsys_lab.plots.regions import regions, regions_sentence
from recsys_lab.plots.replication import acknowledged, replication, replication_sentence
from recsys_lab.plots.retries import herd, storm, storm_sentence
from recsys_lab.plots.runtime_costs import runtime_costs
from recsys_lab.plots.schema_changes import schema_changes
from recsys_lab.plots.shelf import shelf
from recsys_lab.plots.stepping import steps, steps_sentence
from recsys_lab.plots.subscribers import subscribers, subscribers_sentence
from recsys_lab.plots.tenants import tenants, tenants_sentence
from recsys_lab.plots.timeline import event_timeline, timeline_sentence
from recsys_lab.plots.topics_map import topics_map
from recsys_lab.plots.two_layers import lambda_views
from recsys_lab.plots.two_readers import two_readers, two_readers_finding, two_readers_sentence
from recsys_lab.plots.warm_up import warm_up
from recsys_lab.plots.web_page import web_page
from recsys_lab.plots.window_kinds import window_kinds, window_kinds_sentence

__all__ = [
    "aa_tests",
    "acknowledged",
    "as_of",
    "at_arrival",
    "bandits",
    "batch_and_stream",
    "batch_and_stream_sentence",
    "batch_loads",
    "batch_loads_sentence",
    "batching",
    "batching_finding",
    "batching_sentence",
    "both_runtimes",
    "both_runtimes_sentence",
    "cache_sentence",
    "cache_staleness",
    "course_map",
    "crash",
    "crash_run",
    "crash_run_sentence",
    "crash_runs",
    "crash_sentence",
    "crash_steps",
    "crashes",
    "crashes_sentence",
    "dashboard",
    "dashboard_finding",
    "detection",
    "drift_lab",
    "drift_lab_finding",
    "drift_lab_sentence",
    "event_timeline",
    "false_alarms",
    "herd",
    "hit_rates",
    "hot_swap",
    "inference_latency",
    "job_graph",
    "joined",
    "keeping_up",
    "lambda_views",
    "lateness",
    "lateness_sentence",
    "leak",
    "learning_curves",
    "live_update",
    "matches",
    "outage",
    "overload",
    "overload_finding",
    "overload_sentence",
    "package_map",
    "partitions",
    "partitions_sentence",
    "peeking",
    "peeking_sentence",
    "poison",
    "progress_map",
    "ranking",
    "reactions",
    "rebalance",
    "rebalance_finding",
    "recovery",
    "regions",
    "regions_sentence",
    "remembered",
    "replication",
    "replication_sentence",
    "request_latency",
    "reseeded",
    "runtime_costs",
    "schema_changes",
    "season",
    "shelf",
    "skew",
    "steps",
    "steps_sentence",
    "storm",
    "storm_sentence",
    "subscribers",
    "subscribers_sentence",
    "tenants",
    "tenants_sentence",
    "timeline_sentence",
    "topics_map",
    "two_readers",
    "two_readers_finding",
    "two_readers_sentence",
    "warm_up",
    "web_page",
    "window_kinds",
    "window_kinds_sentence",
]
