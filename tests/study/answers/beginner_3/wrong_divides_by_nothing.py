"""The mean of no purchases is not thought of."""

from collections import Counter

TOLD = "before any purchase it raised ZeroDivisionError"


class Live:
    def __init__(self):
        self.sold, self.sum, self.number = Counter(), 0, 0

    def add(self, item, price):
        self.sold[item] += 1
        self.sum += price
        self.number += 1

    def top(self, k):
        return [item for item, _ in sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[:k]]

    def mean(self):
        return self.sum / self.number
