"""It remembers the last id, in the same transaction even; two payments later the first one is new again."""

TOLD = "After it the upstream began again"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if payment.id != self.disk.get("last id"):
            balance = self.disk.get(payment.account, 0) + payment.amount
            self.disk.put_all({payment.account: balance, "last id": payment.id})

    def balance(self, account):
        return self.disk.get(account, 0)
