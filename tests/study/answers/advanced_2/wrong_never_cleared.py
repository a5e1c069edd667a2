"""The speed view goes on from the first sale, and the batch view is added to it."""

from collections import Counter

TOLD = "sales before, during and after a batch:"


class Lambda:
    def __init__(self, rule):
        self.rule, self.upto = rule, 0
        self.batch, self.recent = Counter(), {}

    def on_sale(self, offset, sale):
        self.recent[offset] = sale

    def begin_batch(self, log, rule):
        view = Counter()
        for sale in log:
            view[sale.item, sale.day] += rule(sale)
        self.job = (view, len(log), rule)

    def finish_batch(self):
        self.batch, self.upto, self.rule = self.job

    def takings(self, item, day):
        recent = sum(self.rule(s) for s in self.recent.values() if (s.item, s.day) == (item, day))
        return self.batch[item, day] + recent
