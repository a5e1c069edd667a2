"""The watermark is that of the purchase at hand, so that it goes back with every late one."""

TOLD = "at purchase 2, of 44, the windows told must be [(40, 1)], and yours are []"


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness, self.late = size, bound, lateness, 0
        self.counts, self.told = {}, set()

    def add(self, time):
        start = time // self.size * self.size
        self.counts[start] = self.counts.get(start, 0) + 1
        return self.tell(time - self.bound)

    def tell(self, watermark):
        due = [s for s in sorted(self.counts) if s + self.size <= watermark and s not in self.told]
        self.told.update(due)
        return [(s, self.counts[s]) for s in due]

    def end(self):
        return self.tell(float("inf"))
