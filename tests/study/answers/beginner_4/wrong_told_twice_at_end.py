"""At the end every window that is still kept is told, also those that were told already."""

import math

TOLD = "at the end the windows told must be [(60, 1)], and yours are [(40, 1), (60, 1)]"


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
        if self.watermark >= start + self.size:
            return [(start, self.counts[start])]
        before, self.watermark = self.watermark, max(self.watermark, time - self.bound)
        told = [(s, c) for s, c in sorted(self.counts.items()) if before < s + self.size <= self.watermark]
        self.counts = {s: c for s, c in self.counts.items() if s + self.size + self.lateness > self.watermark}
        return told

    def end(self):
        return sorted(self.counts.items())
