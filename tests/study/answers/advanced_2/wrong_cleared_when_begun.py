"""The speed view is cleared when a batch begins, although the old batch view is still served."""

from collections import Counter

TOLD = "sales before, during and after a batch:"


class Lambda:
    def __init__(self, rule):
        self.rule, self.upto = rule, 0
        self.batch, self.recent = Counter(), {}

    def on_sale(self, offset, sale):
        if offset >= self.upto:
            self.recent[offset] = sale

    def begin_batch(self, log, rule):
        view = Counter()
        self.recent = {}
        for sale in log:
            view[sale.item, sale.day] += rule(sale)
        self.job = (view, len(log), rule)

    def finish_batch(self):
        self.batch, self.upto, self.rule = self.job
        self.recent = {o: s for o, s in self.recent.items() if o >= self.upto}

    def takings(self, item, day):
        recent = sum(self.rule(s) for s in self.recent.values() if (s.item, s.day) == (item, day))
        return self.batch[item, day] + recent
