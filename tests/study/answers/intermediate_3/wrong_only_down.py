"""It learns from trouble and never forgets it: the slow hour decides about the rest of the day."""

TOLD = "but so does one fixed setting"


class Batcher:
    def __init__(self):
        self.wait = 150

    def plan(self, waiting, oldest_ms):
        return 1000, self.wait

    def done(self, size, service_ms, worst_ms):
        if worst_ms > 180:
            self.wait *= 0.9
