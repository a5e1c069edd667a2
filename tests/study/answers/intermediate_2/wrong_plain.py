"""It adds whatever comes."""

TOLD = "ann paid 500 in all, and the balance says 1,000. Payments: north/1 (ann, 500). The power failed right after step 1, put of ann"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)

    def balance(self, account):
        return self.disk.get(account, 0)
