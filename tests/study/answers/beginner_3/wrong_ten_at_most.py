"""However many are asked for, it gives ten."""

from collections import Counter

TOLD = "a batch says top(15) is"


class Live:
    def __init__(self):
        self.sold, self.sum, self.number = Counter(), 0, 0

    def add(self, item, price):
        self.sold[item] += 1
        self.sum += price
        self.number += 1

    def top(self, k):
        return [item for item, _ in sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[: min(k, 10)]]

    def mean(self):
        return self.sum / self.number if self.number else None
