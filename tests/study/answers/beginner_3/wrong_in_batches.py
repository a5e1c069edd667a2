"""Figures are brought up to date at every tenth purchase only."""

from collections import Counter

TOLD = "after purchase 1 a batch says"


class Live:
    def __init__(self):
        self.sold, self.total, self.waiting = Counter(), 0, []

    def add(self, item, price):
        self.waiting.append((item, price))
        if len(self.waiting) == 10:
            for name, paid in self.waiting:
                self.sold[name] += 1
                self.total += paid
            self.waiting = []

    def top(self, k):
        return sorted(self.sold, key=lambda item: (-self.sold[item], item))[:k]

    def mean(self):
        return self.total / sum(self.sold.values()) if self.sold else None
