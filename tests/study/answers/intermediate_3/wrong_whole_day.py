"""It looks at the percentile of the whole day so far, which never forgets the slow hour."""

import bisect

TOLD = "there is room"


class Batcher:
    def __init__(self):
        self.worst = []
        self.wait = 0

    def plan(self, waiting, oldest_ms):
        return 1000, self.wait

    def done(self, size, service_ms, worst_ms):
        bisect.insort(self.worst, worst_ms)
        p99 = self.worst[int(0.99 * len(self.worst))]
        self.wait = min(190, self.wait + 2) if p99 < 180 else self.wait * 0.95
