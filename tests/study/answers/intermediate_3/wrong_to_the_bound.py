"""It steers to the bound itself, and so lies above it half of the time."""

TOLD = "200 are allowed"


class Batcher:
    def __init__(self):
        self.wait = 0

    def plan(self, waiting, oldest_ms):
        return 1000, self.wait

    def done(self, size, service_ms, worst_ms):
        self.wait += 3 if worst_ms < 200 else -3
        self.wait = max(0, self.wait)
