"""The mean of the old mean and the new price, as if both weighed the same."""

from collections import Counter

TOLD = "a batch says the mean is"


class Live:
    def __init__(self):
        self.sold, self.average = Counter(), None

    def add(self, item, price):
        self.sold[item] += 1
        self.average = price if self.average is None else (self.average + price) / 2

    def top(self, k):
        return sorted(self.sold, key=lambda item: (-self.sold[item], item))[:k]

    def mean(self):
        return self.average
