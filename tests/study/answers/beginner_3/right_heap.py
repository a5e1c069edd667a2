"""The k best picked out with a heap; sum and number of prices."""

import heapq


class Live:
    def __init__(self):
        self.sold, self.prices = {}, [0, 0]

    def add(self, item, price):
        self.sold[item] = self.sold.get(item, 0) + 1
        self.prices = [self.prices[0] + price, self.prices[1] + 1]

    def top(self, k):
        return [item for _, item in heapq.nsmallest(k, ((-count, item) for item, count in self.sold.items()))]

    def mean(self):
        total, number = self.prices
        return total / number if number else None
