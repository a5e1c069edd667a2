"""Widgets: each binds at most three controls to an experiment, its plot and a sentence."""

from recsys_lab.widgets.batch_queue_lab import batch_queue_lab
from recsys_lab.widgets.batching_lab import batching_lab
from recsys_lab.widgets.cache_lab import cache_lab
from recsys_lab.widgets.crash_lab import crash_lab
from recsys_lab.widgets.feature_lab import feature_lab
from recsys_lab.widgets.first_steps import first_steps
from recsys_lab.widgets.guarantee_lab import guarantee_lab
from recsys_lab.widgets.partition_explorer import partition_explorer
from recsys_lab.widgets.ranking_lab import ranking_lab
from recsys_lab.widgets.replication_lab import replication_lab
from recsys_lab.widgets.stepper import stepper
from recsys_lab.widgets.subscriber_lab import subscriber_lab
from recsys_lab.widgets.timeline import event_timeline
from recsys_lab.widgets.watermark_lab import watermark_lab
from recsys_lab.widgets.window_lab import window_lab

__all__ = [
    "batch_queue_lab",
    "batching_lab",
    "cache_lab",
    "crash_lab",
    "event_timeline",
    "feature_lab",
    "first_steps",
    "guarantee_lab",
    "partition_explorer",
    "ranking_lab",
    "replication_lab",
    "stepper",
    "subscriber_lab",
    "watermark_lab",
    "window_lab",
]
