"""The last hundred ids: enough, until the upstream begins further back."""

TOLD = "500 payments of three tills were delivered, and then all of them once more"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        recent = self.disk.get("recent", [])
        if payment.id not in recent:
            balance = self.disk.get(payment.account, 0) + payment.amount
            self.disk.put_all({payment.account: balance, "recent": [*recent, payment.id][-100:]})

    def balance(self, account):
        return self.disk.get(account, 0)
