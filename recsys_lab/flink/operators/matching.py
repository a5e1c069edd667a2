"""Patterns at run time: a process function (`flink.matching`), in front of which late events are left out."""

from __future__ import annotations

from typing import Any

from recsys_lab.flink.matching import PatternFunction
from recsys_lab.flink.operators.processing import ProcessOperator


class MatchingOperator(ProcessOperator):
    """Matches a pattern per key."""

    def __init__(self, node: Any) -> None:
        super().__init__(node, PatternFunction(node.name, node.function, node.options))

    def on_record(self, source: int, value: Any, position: int) -> None:
        timestamp = self.needed_timestamp(value)
        if timestamp <= self.watermark:
            self.too_late(value, timestamp, position)
        else:
            super().on_record(source, value, position)
