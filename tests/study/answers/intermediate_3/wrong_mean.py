"""It steers the mean of a batch to the bound; every second request is later than the mean."""

TOLD = "The bound was missed in 5 of 5 loads"


class Batcher:
    def __init__(self):
        self.wait = 0

    def plan(self, waiting, oldest_ms):
        return 1000, self.wait

    def done(self, size, service_ms, worst_ms):
        mean = (worst_ms + service_ms) / 2
        self.wait = self.wait + 2 if mean < 190 else self.wait * 0.9
