"""The count is thrown away when the window is told, so that a correction begins at one again."""

import math

TOLD = "must be [(0, 2)], and yours are [(0, 1)]. The purchases, in order of arrival, happened at 1, 13, 5;"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.watermark, self.counts = -math.inf, {}

    def add(self, time):
        start = time - time % self.size
        if self.watermark >= start + self.size + self.lateness:
            self.late += 1
            return []
        self.counts[start] = self.counts.get(start, 0) + 1
        self.watermark = max(self.watermark, time - self.bound)
        return self.tell()

    def tell(self):
        due = [start for start in sorted(self.counts) if start + self.size <= self.watermark]
        return [(start, self.counts.pop(start)) for start in due]

    def end(self):
        self.watermark = math.inf
        return self.tell()
