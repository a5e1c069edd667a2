"""Accounts and tills are kept under their names, and a name may be of both."""

TOLD = "Payments: north/1 (north, 500)"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if payment.number > self.disk.get(payment.till, 0):
            self.disk.put_all(
                {payment.till: payment.number, payment.account: self.balance(payment.account) + payment.amount}
            )

    def balance(self, account):
        return self.disk.get(account, 0)
