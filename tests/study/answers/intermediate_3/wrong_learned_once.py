"""It measures what a batch costs in the first minutes, and believes that for ever."""

TOLD = "at 100 a second on a machine 4 × slower p99 was"


class Batcher:
    def __init__(self):
        self.seen = []
        self.rate = 0.05

    def plan(self, waiting, oldest_ms):
        if len(self.seen) < 200:
            return 1000, len(self.seen) / 2
        mean_size = sum(size for size, _ in self.seen) / len(self.seen)
        mean_cost = sum(cost for _, cost in self.seen) / len(self.seen)
        up = sum((size - mean_size) * (cost - mean_cost) for size, cost in self.seen)
        each = up / sum((size - mean_size) ** 2 for size, _ in self.seen)
        fixed = mean_cost - each * mean_size
        return 1000, max(0, (170 - fixed) / (1 + each * self.rate))

    def done(self, size, service_ms, worst_ms):
        if len(self.seen) < 200:
            self.seen.append((size, service_ms))
        self.rate = 0.7 * self.rate + 0.3 * size / max(1.0, worst_ms - service_ms)
