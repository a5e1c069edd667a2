"""Keys, key groups and subtasks: who keeps the state of which key.

A key belongs to one of 128 key groups, by a hash that is the same on every machine and every day, and each
subtask of an operator owns a range of the groups. With another parallelism the ranges change, the groups don't:
so a checkpoint fits any parallelism. (Apache Flink: "Rescalable State", KeyGroupRangeAssignment.)
"""

from __future__ import annotations

import zlib
from typing import Any

from recsys_lab.flink.codec import encode_column, pack

KEY_GROUPS = 128
"""Also the highest parallelism."""


def key_group(key: Any) -> int:
    """0 to 127. Raises JobError for a key that cannot be saved."""
    return zlib.crc32(pack(encode_column([key]))) % KEY_GROUPS


def subtask_of(key: Any, parallelism: int) -> int:
    """Which of the subtasks, from 0, owns the key."""
    return key_group(key) * parallelism // KEY_GROUPS
