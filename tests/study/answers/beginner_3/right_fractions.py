"""A mean that is exact, as a fraction; the best in a tuple."""

from collections import Counter
from fractions import Fraction


class Live:
    def __init__(self):
        self.sold, self.sum, self.number = Counter(), 0, 0

    def add(self, item, price):
        self.sold[item] += 1
        self.sum += price
        self.number += 1

    def top(self, k):
        return tuple(sorted(self.sold, key=lambda item: (-self.sold[item], item))[:k])

    def mean(self):
        return Fraction(self.sum, self.number) if self.number else None
