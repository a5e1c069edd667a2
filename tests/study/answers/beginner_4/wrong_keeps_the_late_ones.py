"""Purchases that come too late are put on a list, which only grows."""

TOLD = "it keeps what is over"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness = size, bound, lateness
        self.late, self.mark, self.counts, self.aside = 0, float("-inf"), {}, []

    def add(self, time):
        start = time - time % self.size
        if self.mark >= start + self.size + self.lateness:
            self.aside.append(time)
            self.late = len(self.aside)
            return []
        self.counts[start] = self.counts.get(start, 0) + 1
        if self.mark >= start + self.size:
            return [(start, self.counts[start])]
        return self.move(max(self.mark, time - self.bound))

    def end(self):
        return self.move(float("inf"))

    def move(self, mark):
        before, self.mark = self.mark, mark
        told = [(start, count) for start, count in sorted(self.counts.items()) if before < start + self.size <= mark]
        for start in [start for start in self.counts if start + self.size + self.lateness <= mark]:
            del self.counts[start]
        return told
