"""The right things, a till's number and the balance, one after the other."""

TOLD = "The power failed right after step 1, put of till north"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if payment.number > self.disk.get("till " + payment.till, 0):
            self.disk.put("till " + payment.till, payment.number)
            self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)

    def balance(self, account):
        return self.disk.get(account, 0)
