"""The speed view is added up by the rule of the moment, and a new rule does not change what is added up already."""

from collections import Counter

TOLD = "the rule was mended, and a batch run again:"


class Lambda:
    def __init__(self, rule):
        self.rule, self.upto = rule, 0
        self.batch, self.recent = Counter(), {}

    def on_sale(self, offset, sale):
        if offset >= self.upto:
            self.recent[offset] = (sale.item, sale.day, self.rule(sale))

    def begin_batch(self, log, rule):
        view = Counter()
        for sale in log:
            view[sale.item, sale.day] += rule(sale)
        self.job = (view, len(log), rule)

    def finish_batch(self):
        self.batch, self.upto, self.rule = self.job
        self.recent = {o: s for o, s in self.recent.items() if o >= self.upto}

    def takings(self, item, day):
        return self.batch[item, day] + sum(p for i, d, p in self.recent.values() if (i, d) == (item, day))
