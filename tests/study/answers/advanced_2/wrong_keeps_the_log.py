"""It is always right, and it is no Lambda: the whole log is kept and added up for every answer."""

from collections import Counter

TOLD = "it keeps sales that the batch view holds already"


class Lambda:
    def __init__(self, rule):
        self.log, self.rule = {}, rule

    def on_sale(self, offset, sale):
        self.log[offset] = sale

    def begin_batch(self, log, rule):
        self.job = (list(log), rule)

    def finish_batch(self):
        log, self.rule = self.job
        self.log |= dict(enumerate(log))

    def takings(self, item, day):
        return sum(self.rule(s) for s in self.log.values() if (s.item, s.day) == (item, day))
