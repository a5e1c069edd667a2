"""Watermark strategies as PyFlink's."""

from __future__ import annotations

from typing import Any

from pyflink.common import Duration, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.java_gateway import get_gateway

from recsys_lab.flink import watermarks as lab
from recsys_lab.flink.apache import functions as adapt
from recsys_lab.flink.apache import parts


class _Assigner(adapt.Timestamp, TimestampAssigner):
    pass


def strategy_of(environment: Any, strategy: lab.WatermarkStrategy, operator: str, *, every_record: bool) -> Any:
    """PyFlink's strategy. every_record: whether the watermark moves with every record, as it does locally."""
    if every_record:
        jvm = get_gateway().jvm
        parts.use(environment, parts.compiled(jvm, "EveryRecord"))
        supplier = jvm.recsys_lab.EveryRecord(strategy.delay_ms)
        made = WatermarkStrategy(jvm.org.apache.flink.api.common.eventtime.WatermarkStrategy.forGenerator(supplier))
    else:
        made = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(strategy.delay_ms - 1))
    if strategy.idleness_ms is not None:
        made = made.with_idleness(Duration.of_millis(strategy.idleness_ms))  # first: it forgets the assigner
    if strategy.assigner is not None:
        made = made.with_timestamp_assigner(_Assigner(operator, strategy.assigner))
    return made
