class Live:
    """The best-selling items and the mean price, right after every purchase."""

    def add(self, item: str, price: int) -> None: ...

    def top(self, k: int) -> list[str]:
        return ...

    def mean(self) -> float | None:
        return ...
