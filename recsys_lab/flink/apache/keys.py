"""Keys as Apache Flink compares them: by what they look like when they are written down.

In Python two keys are the same when they are equal: 1, 1.0 and True are one key. Apache Flink divides a stream by
the written form of a key, so equal keys have to be written alike: numbers are brought into one form, tuples and
sets are taken apart, and msgpack writes the same value in the same way every time (pickle doesn't).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_lab.flink.codec import decode_column, encode_column, pack, unpack

_TEXT, _OTHER = "t", "m"


def encode_key(key: Any) -> str:
    """The same text for equal keys. Raises JobError for a key that cannot be saved."""
    if type(key) is str:
        return _TEXT + key
    return _OTHER + pack(encode_column([_canonical(key)])).hex()


def decode_key(written: str) -> Any:
    """A key equal to the one that `encode_key` was given."""
    if written.startswith(_TEXT):
        return written[1:]
    how, data = unpack(bytes.fromhex(written[1:]))
    return decode_column((how, data))[0]


def _canonical(key: Any) -> Any:
    kind = type(key)
    if kind is str:
        return key
    if isinstance(key, np.generic):
        return _canonical(key.item())
    if kind is bool or (kind is float and key.is_integer()):
        return int(key)
    if kind is tuple:
        return tuple(map(_canonical, key))
    if kind is frozenset:
        return frozenset(map(_canonical, key))  # the codec puts its members in order
    return key
