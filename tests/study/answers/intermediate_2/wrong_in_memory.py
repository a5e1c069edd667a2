"""What was seen is kept in memory, and the crash takes it."""

TOLD = "ann paid 500 in all, and the balance says 1,000"


class Sink:
    def __init__(self, disk):
        self.disk = disk
        self.seen = set()

    def deliver(self, payment):
        if payment.id not in self.seen:
            self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)
            self.seen.add(payment.id)

    def balance(self, account):
        return self.disk.get(account, 0)
