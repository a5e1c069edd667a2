"""Rows of a table, one by one: `row.user` reads better than `table["user"].iloc[3]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Each row, with its columns as attributes. Their types are the table's, which only the reader knows."""
    return iter(table.itertuples(index=False))
