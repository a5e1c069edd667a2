class Windows:
    def __init__(self, size: int, bound: int, lateness: int) -> None:
        self.late = 0  # purchases that came too late so far

    def add(self, time: int) -> list[tuple[int, int]]:
        return ...

    def end(self) -> list[tuple[int, int]]:
        return ...
