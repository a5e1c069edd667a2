"""Counts of items that are not among the best thousand are thrown away."""

from collections import Counter

TOLD = "a batch says top(2) is ['item 0000', 'item 1999']"


class Live:
    def __init__(self):
        self.sold, self.sum, self.number = Counter(), 0, 0

    def add(self, item, price):
        self.sold[item] += 1
        if len(self.sold) > 1000:
            self.sold = Counter(dict(self.sold.most_common(1000)))
        self.sum += price
        self.number += 1

    def top(self, k):
        return [item for item, _ in sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[:k]]

    def mean(self):
        return self.sum / self.number if self.number else None
