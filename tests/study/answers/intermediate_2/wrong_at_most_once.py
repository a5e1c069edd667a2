"""The mark first, then the balance: a crash in between loses it."""

TOLD = "ann paid 500 in all, and the balance says 0"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if self.disk.get("seen " + payment.id):
            return
        self.disk.put("seen " + payment.id, True)
        self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)

    def balance(self, account):
        return self.disk.get(account, 0)
