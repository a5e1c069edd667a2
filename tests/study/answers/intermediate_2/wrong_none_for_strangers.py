"""An account without payments has no balance."""

TOLD = "zoe never paid anything, and the balance says None"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        held = self.disk.get(payment.account, {})
        self.disk.put(payment.account, {**held, payment.id: payment.amount})

    def balance(self, account):
        held = self.disk.get(account)
        return None if held is None else sum(held.values())
