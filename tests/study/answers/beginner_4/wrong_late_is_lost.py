"""Everything behind the watermark is taken as too late, though its window may still be kept, or even open."""

import math

TOLD = "at purchase 2, of 44, the windows told must be [(40, 1)], and yours are []"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.late = size, bound, 0
        self.watermark, self.counts = -math.inf, {}

    def add(self, time):
        if time < self.watermark:
            self.late += 1
            return []
        start = time - time % self.size
        self.counts[start] = self.counts.get(start, 0) + 1
        self.watermark = max(self.watermark, time - self.bound)
        return self.tell()

    def tell(self):
        due = [start for start in sorted(self.counts) if start + self.size <= self.watermark]
        return [(start, self.counts.pop(start)) for start in due]

    def end(self):
        self.watermark = math.inf
        return self.tell()
