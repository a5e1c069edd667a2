"""While a batch runs, a second speed view grows beside the first, by the batch's rule, from its offset on."""

from collections import Counter


class Lambda:
    def __init__(self, rule):
        self.served = {"rule": rule, "from": 0, "batch": Counter(), "speed": Counter()}
        self.coming = None
        self.position = 0

    def on_sale(self, offset, sale):
        if offset < self.position:
            return
        self.position = offset + 1
        for version in (self.served, self.coming):
            if version and offset >= version["from"]:
                version["speed"][sale.item, sale.day] += version["rule"](sale)

    def begin_batch(self, log, rule):
        batch = Counter()
        for sale in log:
            batch[sale.item, sale.day] += rule(sale)
        self.coming = {"rule": rule, "from": len(log), "batch": batch, "speed": Counter()}

    def finish_batch(self):
        self.served, self.coming = self.coming, None

    def takings(self, item, day):
        return self.served["batch"][item, day] + self.served["speed"][item, day]
