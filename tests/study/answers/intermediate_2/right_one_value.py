"""Balance and ids of an account in one value, so that one put is enough."""


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        account = self.disk.get(payment.account, {"held": 0, "seen": []})
        if payment.id not in account["seen"]:
            account["held"] += payment.amount
            account["seen"].append(payment.id)
            self.disk.put(payment.account, account)

    def balance(self, account):
        return self.disk.get(account, {"held": 0})["held"]
