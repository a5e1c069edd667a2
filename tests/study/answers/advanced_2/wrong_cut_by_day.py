"""The batch answers for the days that it has seen, the speed layer for later ones: a late sale is in neither."""

from collections import Counter

TOLD = "a late sale:"


class Lambda:
    def __init__(self, rule):
        self.rule, self.upto = rule, 0
        self.batch, self.recent, self.last_day = Counter(), {}, 0

    def on_sale(self, offset, sale):
        if offset >= self.upto:
            self.recent[offset] = sale

    def begin_batch(self, log, rule):
        view = Counter()
        for sale in log:
            view[sale.item, sale.day] += rule(sale)
        self.job = (view, len(log), rule)

    def finish_batch(self):
        self.batch, _, self.rule = self.job
        self.last_day = max((day for _, day in self.batch), default=0)

    def takings(self, item, day):
        recent = sum(self.rule(s) for s in self.recent.values() if (s.item, s.day) == (item, day))
        return self.batch[item, day] if day < self.last_day else recent
