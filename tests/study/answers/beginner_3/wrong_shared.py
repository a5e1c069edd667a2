"""The figures stand in the class, so that all objects of it share them."""

from collections import Counter

TOLD = "another, new one says ['item a']: keep it in `self`"


class Live:
    sold = Counter()
    total = 0

    def add(self, item, price):
        self.sold[item] += 1
        self.total += price

    def top(self, k):
        return sorted(self.sold, key=lambda item: (-self.sold[item], item))[:k]

    def mean(self):
        return self.total / sum(self.sold.values()) if self.sold else None
