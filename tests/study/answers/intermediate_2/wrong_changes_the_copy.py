"""It changes what `get` gave, and puts only what is new."""

TOLD = "ann paid 1,000 in all, and the balance says 500"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        account = self.disk.get(payment.account)
        if account is None:
            self.disk.put(payment.account, {"held": payment.amount, "seen": [payment.id]})
        elif payment.id not in account["seen"]:
            account["held"] += payment.amount
            account["seen"].append(payment.id)

    def balance(self, account):
        return self.disk.get(account, {"held": 0})["held"]
