"""What was seen belongs to the class, as if that survived a restart."""

TOLD = "Only the disk survives"


class Sink:
    seen = set()

    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if payment.id not in self.seen:
            self.seen.add(payment.id)
            self.disk.put(payment.account, self.disk.get(payment.account, 0) + payment.amount)

    def balance(self, account):
        return self.disk.get(account, 0)
