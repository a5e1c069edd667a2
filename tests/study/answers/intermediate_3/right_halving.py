"""As TCP does it: up in small steps, and half when it was too much."""


class Batcher:
    def __init__(self):
        self.wait = 0

    def plan(self, waiting, oldest_ms):
        return max(waiting, 300), self.wait

    def done(self, size, service_ms, worst_ms):
        self.wait = self.wait + 4 if worst_ms <= 185 else self.wait // 2
