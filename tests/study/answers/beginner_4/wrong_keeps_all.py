"""Nothing is ever forgotten: every window stays, although no purchase can reach it any more."""

import math

TOLD = "it keeps what is over"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.watermark, self.counts, self.open = -math.inf, {}, []

    def add(self, time):
        start = time - time % self.size
        if self.watermark >= start + self.size + self.lateness:
            self.late += 1
            return []
        if start not in self.counts:
            self.counts[start] = 0
            if self.watermark < start + self.size:
                self.open.append(start)
        self.counts[start] += 1
        if self.watermark >= start + self.size:
            return [(start, self.counts[start])]
        return self.move(max(self.watermark, time - self.bound))

    def move(self, to):
        self.watermark = to
        due = sorted(start for start in self.open if start + self.size <= to)
        self.open = [start for start in self.open if start not in due]
        return [(start, self.counts[start]) for start in due]

    def end(self):
        return self.move(math.inf)
