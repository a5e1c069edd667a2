"""After a thousand purchases the mean begins anew, so that the numbers stay small."""

from collections import Counter

TOLD = "after 60,000 purchases, at 1000, 1001, 1002 and so on, a batch says the mean is 30999.5"


class Live:
    def __init__(self):
        self.sold, self.sum, self.number = Counter(), 0, 0

    def add(self, item, price):
        self.sold[item] += 1
        self.sum += price
        self.number += 1
        if self.number > 1000:
            self.sum, self.number = price, 1

    def top(self, k):
        return [item for item, _ in sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[:k]]

    def mean(self):
        return self.sum / self.number if self.number else None
