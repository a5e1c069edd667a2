"""The last id of each account, as one value with the balance."""

TOLD = "After it the upstream began again"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        held, last = self.disk.get(payment.account, [0, ""])
        if payment.id != last:
            self.disk.put(payment.account, [held + payment.amount, payment.id])

    def balance(self, account):
        return self.disk.get(account, [0, ""])[0]
