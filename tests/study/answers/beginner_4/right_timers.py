"""A heap of timers, as in a dataflow engine: one at the end of each window, one when its lateness is over."""

import heapq
from collections import Counter


class Windows:
    def __init__(self, size, bound, lateness):
        self.size, self.bound, self.lateness = size, bound, lateness
        self.mark = float("-inf")
        self.counts, self.timers = Counter(), []
        self._late = []

    @property
    def late(self):
        return sum(self._late)

    def add(self, time):
        start = time - time % self.size
        end = start + self.size
        if end + self.lateness <= self.mark:
            self._late = [self.late + 1]
            return ()
        if start not in self.counts:
            heapq.heappush(self.timers, (end + self.lateness, 1, start))
            if end > self.mark:
                heapq.heappush(self.timers, (end, 0, start))
        self.counts[start] += 1
        if end <= self.mark:
            return ([start, self.counts[start]],)
        self.mark = max(self.mark, time - self.bound)
        return tuple(self.fire())

    def fire(self):
        while self.timers and self.timers[0][0] <= self.mark:
            _, what, start = heapq.heappop(self.timers)
            if what == 0:
                yield [start, self.counts[start]]
            else:
                del self.counts[start]

    def end(self):
        self.mark = float("inf")
        return list(self.fire())
