"""The same account and the same amount again must be a repeat, it thinks."""

TOLD = "ann paid 1,000 in all, and the balance says 500"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        seen = self.disk.get("seen", [])
        what = [payment.account, payment.amount]
        if what not in seen:
            balance = self.disk.get(payment.account, 0) + payment.amount
            self.disk.put_all({payment.account: balance, "seen": [*seen, what]})

    def balance(self, account):
        return self.disk.get(account, 0)
