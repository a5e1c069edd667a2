"""It is the batch, run after every purchase."""

from collections import Counter

TOLD = "it keeps purchases"


class Live:
    def __init__(self):
        self.purchases = []

    def add(self, item, price):
        self.purchases.append((item, price))

    def top(self, k):
        counts = Counter(item for item, _ in self.purchases)
        return sorted(counts, key=lambda item: (-counts[item], item))[:k]

    def mean(self):
        return sum(price for _, price in self.purchases) / len(self.purchases) if self.purchases else None
