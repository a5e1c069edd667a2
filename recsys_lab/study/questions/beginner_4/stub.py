class Windows:
    """Purchases counted by when they happened. size, bound, lateness: seconds. late: how many came too late."""

    def __init__(self, size: int, bound: int, lateness: int) -> None:
        self.late = 0

    def add(self, time: int) -> list[tuple[int, int]]:
        return ...

    def end(self) -> list[tuple[int, int]]:
        return ...
