"""The speed layer takes the new rule when the batch begins, beside a batch view of the old one."""

from collections import Counter

TOLD = "the rule was mended, and a batch run again:"


class Lambda:
    def __init__(self, rule):
        self.rule, self.upto = rule, 0
        self.batch, self.recent = Counter(), {}

    def on_sale(self, offset, sale):
        if offset >= self.upto:
            self.recent[offset] = sale

    def begin_batch(self, log, rule):
        view = Counter()
        for sale in log:
            view[sale.item, sale.day] += rule(sale)
        self.job, self.rule = (view, len(log)), rule

    def finish_batch(self):
        self.batch, self.upto = self.job
        self.recent = {o: s for o, s in self.recent.items() if o >= self.upto}

    def takings(self, item, day):
        recent = sum(self.rule(s) for s in self.recent.values() if (s.item, s.day) == (item, day))
        return self.batch[item, day] + recent
