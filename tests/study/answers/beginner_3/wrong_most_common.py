"""Counter.most_common leaves ties in the order of arrival."""

from collections import Counter

TOLD = "after purchase 2 a batch says top(3) is ['item e', 'item h'], and yours ['item h', 'item e']"


class Live:
    def __init__(self):
        self.sold, self.total = Counter(), 0

    def add(self, item, price):
        self.sold[item] += 1
        self.total += price

    def top(self, k):
        return [item for item, _ in self.sold.most_common(k)]

    def mean(self):
        return self.total / sum(self.sold.values()) if self.sold else None
