"""Widgets: each binds at most three controls to an experiment, its plot and a sentence."""

from recsys_lab.widgets.batch_lab import batch_lab
from recsys_lab.widgets.batch_queue_lab import batch_queue_lab
from recsys_lab.widgets.batching_lab import batching_lab
from recsys_lab.widgets.cache_lab import cache_lab
from recsys_lab.widgets.crash_lab import crash_lab
from recsys_lab.widgets.dashboard import Dashboard, dashboard
from recsys_lab.widgets.drift_lab import drift_lab
from recsys_lab.widgets.fault_lab import fault_lab
from recsys_lab.widgets.feature_lab import feature_lab
from recsys_lab.widgets.first_steps import first_steps
from recsys_lab.widgets.guarantee_lab import guarantee_lab
from recsys_lab.widgets.overload_lab import overload_lab
from recsys_lab.widgets.partition_explorer import partition_explorer
from recsys_lab.widgets.peeking_lab import peeking_lab
from recsys_lab.widgets.ranking_lab import ranking_lab
from recsys_lab.widgets.region_lab import region_lab
from recsys_lab.widgets.replication_lab import replication_lab
from recsys_lab.widgets.retry_lab import retry_lab
from recsys_lab.widgets.runtime_lab import runtime_lab
from recsys_lab.widgets.stepper import stepper
from recsys_lab.widgets.subscriber_lab import subscriber_lab
from recsys_lab.widgets.tenant_lab import tenant_lab
from recsys_lab.widgets.timeline import event_timeline
from recsys_lab.widgets.two_readers_lab import two_readers_lab
from recsys_lab.widgets.watermark_lab import watermark_lab
from recsys_lab.widgets.window_lab import window_lab

__all__ = [
    "Dashboard",
    "batch_lab",
    "batch_queue_lab",
    "batching_lab",
    "cache_lab",
    "crash_lab",
    "dashboard",
    "drift_lab",
    "event_timeline",
    "fault_lab",
    "feature_lab",
    "first_steps",
    "guarantee_lab",
    "overload_lab",
    "partition_explorer",
    "peeking_lab",
    "ranking_lab",
    "region_lab",
    "replication_lab",
    "retry_lab",
    "runtime_lab",
    "stepper",
    "subscriber_lab",
    "tenant_lab",
    "two_readers_lab",
    "watermark_lab",
    "window_lab",
]
