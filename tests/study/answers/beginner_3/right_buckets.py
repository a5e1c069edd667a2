"""A set of items for each count, walked from the highest; the mean as a running one."""

from collections import defaultdict


class Live:
    def __init__(self):
        self.count = {}
        self.with_count = defaultdict(set)
        self.number, self.average = 0, 0.0

    def add(self, item, price):
        before = self.count.get(item, 0)
        self.with_count[before].discard(item)
        if not self.with_count[before]:
            del self.with_count[before]
        self.with_count[before + 1].add(item)
        self.count[item] = before + 1
        self.number += 1
        self.average += (price - self.average) / self.number

    def top(self, k):
        best = []
        for count in sorted(self.with_count, reverse=True):
            best += sorted(self.with_count[count])
            if len(best) >= k:
                break
        return best[:k]

    def mean(self):
        return self.average if self.number else None
