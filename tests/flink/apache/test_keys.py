"""Keys in writing: the same text for equal keys, on every machine; and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, needs_flink]

ROOT = Path(__file__).resolve().parents[3]

WRITE = """
from recsys_lab.flink.apache.keys import encode_key
names = [f"name {i}" for i in range(20)]
print(encode_key(frozenset(names)), encode_key(("x", frozenset([frozenset(names), 1.0, (2, "two")]))))
"""


def test_a_set_is_written_alike_whatever_order_a_process_hashes_in() -> None:
    written = {
        subprocess.run(
            [sys.executable, "-c", WRITE],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(written) == 1


@pytest.mark.parametrize(
    ("key", "other"),
    [
        (frozenset([1, 2, 3]), frozenset([3.0, 2.0, True])),
        (("a", frozenset(["x", 0])), ("a", frozenset([False, "x"]))),
        (1, 1.0),
        ("1", "1"),
    ],
)
def test_equal_keys_are_one_text_and_come_back_equal(key: Any, other: Any) -> None:
    from recsys_lab.flink.apache.keys import decode_key, encode_key

    assert encode_key(key) == encode_key(other)
    assert decode_key(encode_key(key)) == key
    assert encode_key(key) != encode_key(("another", key))
