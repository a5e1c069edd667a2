"""Prices are kept, packed into eight bytes each."""

from array import array
from collections import Counter

TOLD = "it keeps purchases"


class Live:
    def __init__(self):
        self.sold, self.prices = Counter(), array("q")

    def add(self, item, price):
        self.sold[item] += 1
        self.prices.append(price)

    def top(self, k):
        return [item for item, _ in sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[:k]]

    def mean(self):
        return sum(self.prices) / len(self.prices) if self.prices else None
