"""Operators around a fold: they open and close its functions, and keep the state that a window function asks for."""

from __future__ import annotations

from typing import Any

from recsys_lab.flink.operators.base import Operator
from recsys_lab.flink.operators.folding import Fold
from recsys_lab.flink.state import Store


class FoldOperator(Operator):
    """key: the one whose results are made, for the state of a window function."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.key: Any = None
        self.fold: Fold = node.function
        self.store = Store(self, self.tables, self.name)

    def open(self) -> None:
        self.fold = self.fold.opened(self.store, self)

    def close(self) -> None:
        self.fold.close()

    def on_round(self) -> None:
        """Processing time has moved on."""
        self.store.expire()
