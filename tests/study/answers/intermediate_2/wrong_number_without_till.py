"""Numbers that were seen are remembered, whichever till they are of."""

TOLD = "ann paid 800 in all, and the balance says 500. Payments: north/7 (ann, 500), south/7 (ann, 300)"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        seen = f"seen {payment.number}"
        if not self.disk.get(seen):
            self.disk.put_all({seen: True, "of " + payment.account: self.balance(payment.account) + payment.amount})

    def balance(self, account):
        return self.disk.get("of " + account, 0)
