"""Timestamps and watermarks at run time: each record gets its time, and the stream its promise.

Directly behind a source of several splits (the partitions of a topic) each split has a watermark of its own,
and the stream's is the least of them: one slow partition makes nobody late.
"""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import repeat
from typing import Any

from recsys_lab.errors import shorten
from recsys_lab.flink.batches import ACTIVE, Batch, merge
from recsys_lab.flink.functions import OperatorFailed
from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.watermarks import MAX_WATERMARK, MIN_WATERMARK, WatermarkStrategy


class TimestampsOperator(Operator):
    """Assigns timestamps; makes watermarks, one generator for each split."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.strategy: WatermarkStrategy = node.function
        self.generators: dict[str, _Generator] = {}

    def process(self, inputs: list[Batch]) -> Batch:
        parts = [self._stamped(str(number), batch) for number, batch in enumerate(inputs)]
        return merge(parts, self.watermark)

    def facts(self) -> dict[str, Any]:
        generators = {split: generator.watermark for split, generator in self.generators.items()}
        return {**super().facts(), "generators": generators}

    def restore_facts(self, facts: dict[str, Any]) -> None:
        super().restore_facts(facts)
        # Idleness counts anew, as on Apache Flink: else a stream that was away for long would be idle at once.
        self.generators = {split: _Generator(saved, self.now) for split, saved in facts["generators"].items()}

    def _stamped(self, split: str, batch: Batch) -> Batch:
        generator = self.generators.get(split)
        if generator is None:
            generator = self.generators[split] = _Generator(MIN_WATERMARK, self.now)
        timestamps = self._timestamps(batch)
        positions, idle_until = batch.positions, ACTIVE
        if self.strategy.idleness_ms is not None:
            idle_until = generator.idle_until(batch, self.now, self.strategy.idleness_ms)
        delay_ms = self.strategy.delay_ms
        if positions is None and len(timestamps) == len(batch.watermarks) - 1:
            watermarks = generator.after_each(timestamps, delay_ms)
        else:
            watermarks = generator.after_each_position(timestamps, batch.all_positions(), batch.watermarks, delay_ms)
        if batch.watermarks[-1] == MAX_WATERMARK:  # the source has ended
            end = bisect_left(batch.watermarks, MAX_WATERMARK)
            watermarks[end:] = [MAX_WATERMARK] * (len(watermarks) - end)
            generator.watermark = MAX_WATERMARK
            idle_until = min(idle_until, end - 1)  # what has ended is not idle: its last watermark counts
        return Batch(batch.values, timestamps, positions, watermarks, idle_until)

    def _timestamps(self, batch: Batch) -> Sequence[int]:
        timestamps: Sequence[Any] | None = batch.timestamps
        if self.strategy.assigner is not None:
            progress = iter(batch.values)
            before: Any = repeat(MIN_WATERMARK) if timestamps is None else timestamps
            try:
                timestamps = self.all_of(list(map(self.strategy.assigner, progress, before)), batch.values)
            except Exception as error:
                raise self.failed(batch.values, progress, error) from error
        elif timestamps is None:
            if not batch.values:
                return []
            raise OperatorFailed(
                self.name, batch.values[0], "the source gives it no timestamp. Use with_timestamp_assigner."
            )
        if not _are_ints(timestamps):
            return [self._whole(record, t) for record, t in zip(batch.values, timestamps, strict=True)]
        return timestamps

    def _whole(self, record: Any, timestamp: Any) -> int:
        if not isinstance(timestamp, (bool, str)):
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                return int(math.floor(timestamp))  # noqa: RUF046 (of numpy's types too)
        raise OperatorFailed(
            self.name,
            record,
            f"its timestamp is {shorten(timestamp)}; a number of milliseconds since 1970 is needed, "
            "such as epoch_ms(event.timestamp).",
        )


def _are_ints(timestamps: Sequence[Any]) -> bool:
    """Whether all are plain ints, seen at a glance: only ints add up to an int."""
    try:
        return not timestamps or (type(timestamps[0]) is int and type(sum(timestamps)) is int)
    except TypeError:
        return False


class _Generator:
    """Of one split: its watermark so far, and when (processing time) it last had a record."""

    def __init__(self, watermark: int, last_seen: int) -> None:
        self.watermark = watermark
        self.last_seen = last_seen

    def idle_until(self, batch: Batch, now: int, idleness_ms: int) -> int:
        idle = now - self.last_seen >= idleness_ms and self.watermark < MAX_WATERMARK
        if batch.values:
            self.last_seen = now
        if not idle:
            return ACTIVE
        return batch.all_positions()[0] if batch.values else len(batch.watermarks) - 1

    def after_each(self, timestamps: Sequence[int], delay_ms: int) -> list[int]:
        """The watermark before the first record, and after each."""
        watermark = self.watermark
        limit = watermark + delay_ms
        watermarks = [watermark]
        watermarks += [
            watermark if timestamp <= limit else (watermark := (limit := timestamp) - delay_ms)
            for timestamp in timestamps
        ]
        self.watermark = watermark
        return watermarks

    def after_each_position(
        self, timestamps: Sequence[int], positions: Sequence[int], upstream: list[int], delay_ms: int
    ) -> list[int]:
        """The same where records don't stand at every position."""
        watermarks: list[int] = []
        watermark = self.watermark
        for position, timestamp in zip(positions, timestamps, strict=True):
            watermarks.extend([watermark] * (position + 1 - len(watermarks)))
            watermark = max(watermark, timestamp - delay_ms)
        watermarks.extend([watermark] * (len(upstream) - len(watermarks)))
        self.watermark = watermark
        return watermarks
