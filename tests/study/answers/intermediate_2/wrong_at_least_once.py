"""The balance first, then the mark: a crash in between adds it again."""

TOLD = "ann paid 500 in all, and the balance says 1,000"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if self.disk.get("seen " + payment.id):
            return
        self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)
        self.disk.put("seen " + payment.id, True)

    def balance(self, account):
        return self.disk.get(account, 0)
