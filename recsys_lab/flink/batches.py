"""Batches: what flows between operators, and how several inputs become one.

Calling every operator for every record is what makes stream processors written in Python slow. Here operators
hand each other batches, yet the result is the one that record by record would give. For that a batch knows the
order of things exactly. All records that the sources read in one round stand in one row of *positions*
0, 1, 2 …; whatever a record leads to keeps its position, and the watermark is known at each:

    positions        0      1      2      3
    records          a      b             d        c was filtered out; its watermark still counts
    watermarks   w0     w1     w2     w3     w4    w0 before the first record, w4 after the last

An operator that works through a batch sees watermark w1 before record b, and so on. Two streams merge by
position, and their watermark is the smaller of the two at each position, idle inputs left out. Hence no result
depends on how long a batch is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from recsys_lab.flink.watermarks import MAX_WATERMARK

ACTIVE = -1
"""`idle_until` of an input that is not idle."""

_LEFT_OUT = MAX_WATERMARK + 1

_FIRST = list(range(4_096))
"""Numbers made once: making them anew for each batch takes as long as a filter does."""


class Batch:
    """Records in order, with the watermark before each.

    values: the records. timestamps: epoch ms of each, or None where the stream has none. positions: where each
    stands in the round, never decreasing; None when record i stands at position i. watermarks: one more than
    the round has positions. keys: of each record behind `key_by`, else None. idle_until: the input is idle up
    to and including this position; ACTIVE for not at all.
    """

    __slots__ = ("idle_until", "keys", "positions", "timestamps", "values", "watermarks")

    def __init__(
        self,
        values: Sequence[Any],
        timestamps: Sequence[int] | None,
        positions: Sequence[int] | None,
        watermarks: list[int],
        idle_until: int = ACTIVE,
        keys: Sequence[Any] | None = None,
    ) -> None:
        self.values = values
        self.timestamps = timestamps
        self.positions = positions
        self.watermarks = watermarks
        self.idle_until = idle_until
        self.keys = keys

    def with_records(
        self,
        values: Sequence[Any],
        timestamps: Sequence[int] | None,
        positions: Sequence[int] | None,
        keys: Sequence[Any] | None = None,
    ) -> Batch:
        """Other records under the same watermarks."""
        return Batch(values, timestamps, positions, self.watermarks, self.idle_until, keys)

    def all_positions(self) -> Sequence[int]:
        """The position of each record."""
        if self.positions is not None:
            return self.positions
        count = len(self.values)
        return _FIRST[:count] if count <= len(_FIRST) else range(count)

    def all_timestamps(self) -> Sequence[int | None]:
        """The timestamp of each record, or None for each."""
        return [None] * len(self.values) if self.timestamps is None else self.timestamps


def merge(parts: Sequence[Batch], watermark: int) -> Batch:
    """Several inputs of one round as one: records by position, an earlier input first where they meet.

    watermark: that of the merged stream so far, below which it never goes.
    """
    if len(parts) == 1:
        return parts[0]
    watermarks, idle_until = merge_watermarks(parts, watermark)
    filled = [part for part in parts if part.values]
    if len(filled) == 1:
        only = filled[0]
        return Batch(only.values, only.timestamps, only.all_positions(), watermarks, idle_until, only.keys)
    order = in_order(filled)
    values = [filled[part].values[i] for _, part, i in order]
    timestamps = None
    if all(part.timestamps is not None for part in filled):
        stamps = [part.all_timestamps() for part in filled]
        timestamps = [stamps[part][i] for _, part, i in order]
    positions = [position for position, _, _ in order]
    return Batch(values, timestamps, positions, watermarks, idle_until)  # type: ignore[arg-type]


def in_order(parts: Iterable[Batch]) -> list[tuple[int, int, int]]:
    """(position, number of the part, index in it) of all records, by position, then by part."""
    return sorted(
        (position, number, i) for number, part in enumerate(parts) for i, position in enumerate(part.all_positions())
    )


def merge_watermarks(parts: Sequence[Batch], watermark: int) -> tuple[list[int], int]:
    """(watermarks, idle_until) of several inputs: the minimum over those that aren't idle; never back."""
    if all(part.idle_until == ACTIVE for part in parts):
        lowest = list(map(min, *(part.watermarks for part in parts)))
    else:
        columns = [[_LEFT_OUT] * (part.idle_until + 1) + part.watermarks[part.idle_until + 1 :] for part in parts]
        lowest = [watermark if low == _LEFT_OUT else low for low in map(min, *columns)]
    if lowest[0] < watermark or any(part.idle_until != ACTIVE for part in parts):
        lowest = list(accumulate(lowest, max, initial=watermark))[1:]
    return lowest, min(part.idle_until for part in parts)
