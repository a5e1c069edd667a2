"""Only the oldest window is looked at when the watermark moves; the next ones wait for the next purchase."""

import math

TOLD = "the windows told must be [(20, 1), (30, 1)], and yours are [(20, 1)]"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.watermark, self.open, self.told = -math.inf, {}, {}

    def add(self, time):
        start = time // self.size * self.size
        if self.watermark >= start + self.size + self.lateness:
            self.late += 1
            return []
        if start in self.told:
            self.told[start] += 1
            return [(start, self.told[start])]
        self.open[start] = self.open.get(start, 0) + 1
        self.watermark = max(self.watermark, time - self.bound)
        self.told = {s: c for s, c in self.told.items() if s + self.size + self.lateness > self.watermark}
        oldest = min(self.open)
        if oldest + self.size <= self.watermark:
            self.told[oldest] = self.open.pop(oldest)
            return [(oldest, self.told[oldest])]
        return []

    def end(self):
        return sorted(self.open.items())
