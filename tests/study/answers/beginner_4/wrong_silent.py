"""What comes too late is dropped, and nobody is told."""

import math

TOLD = "the number of purchases too late is 1, and your `late` says 0"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.watermark, self.counts = -math.inf, {}

    def add(self, time):
        start = time // self.size * self.size
        end = start + self.size
        if self.watermark >= end + self.lateness:
            return []
        self.counts[start] = self.counts.get(start, 0) + 1
        if self.watermark >= end:
            return [(start, self.counts[start])]
        return self.move(time - self.bound)

    def move(self, to):
        before, self.watermark = self.watermark, max(self.watermark, to)
        told = [(s, c) for s, c in sorted(self.counts.items()) if before < s + self.size <= self.watermark]
        for start in [s for s in self.counts if s + self.size + self.lateness <= self.watermark]:
            del self.counts[start]
        return told

    def end(self):
        return self.move(math.inf)
