"""A window is told one second late: `>` where `>=` is meant."""

import math

TOLD = "purchases in order: at purchase 2, of 80, the windows told must be [(70, 1)], and yours are []"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.watermark, self.counts, self.told = -math.inf, {}, set()

    def add(self, time):
        start = time // self.size * self.size
        if self.watermark > start + self.size + self.lateness:
            self.late += 1
            return []
        self.counts[start] = self.counts.get(start, 0) + 1
        if start in self.told:
            return [(start, self.counts[start])]
        self.watermark = max(self.watermark, time - self.bound)
        return self.tell()

    def tell(self):
        due = [s for s in sorted(self.counts) if s + self.size < self.watermark and s not in self.told]
        self.told.update(due)
        return [(s, self.counts[s]) for s in due]

    def end(self):
        self.watermark = math.inf
        return self.tell()
