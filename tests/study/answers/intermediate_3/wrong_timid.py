"""It adapts, and aims at half of the bound, to be safe."""

TOLD = "there is room"


class Batcher:
    def __init__(self):
        self.wait = 0

    def plan(self, waiting, oldest_ms):
        return 1000, self.wait

    def done(self, size, service_ms, worst_ms):
        self.wait = self.wait + 2 if worst_ms < 100 else self.wait * 0.9
