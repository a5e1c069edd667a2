"""A window is told as soon as a purchase of a later one comes: the bound is forgotten."""

TOLD = "the number of purchases too late is 0, and your `late` says 1"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.lateness, self.late = size, lateness, 0
        self.highest, self.counts = -1, {}

    def add(self, time):
        start = time // self.size * self.size
        if self.highest >= start + self.size + self.lateness:
            self.late += 1
            return []
        self.counts[start] = self.counts.get(start, 0) + 1
        if self.highest >= start + self.size:
            return [(start, self.counts[start])]
        return self.move(time)

    def move(self, to):
        before, self.highest = self.highest, max(self.highest, to)
        told = [(s, c) for s, c in sorted(self.counts.items()) if before < s + self.size <= self.highest]
        self.counts = {s: c for s, c in self.counts.items() if s + self.size + self.lateness > self.highest}
        return told

    def end(self):
        return self.move(float("inf"))
