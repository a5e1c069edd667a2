"""It keeps the three best only; the count of an item that fell out begins anew."""

TOLD = "a batch says top(15) is ['item d', 'item e', 'item f', 'item h'], and yours"


class Live:
    def __init__(self):
        self.sold, self.total, self.number = {}, 0, 0

    def add(self, item, price):
        self.sold[item] = self.sold.get(item, 0) + 1
        self.sold = dict(sorted(self.sold.items(), key=lambda pair: (-pair[1], pair[0]))[:3])
        self.total, self.number = self.total + price, self.number + 1

    def top(self, k):
        return list(self.sold)[:k]

    def mean(self):
        return self.total / self.number if self.number else None
