"""Balances in memory too, read from the disk at the start; the disk is written first, in one transaction."""


class Sink:
    def __init__(self, disk):
        self.disk = disk
        self.state = disk.get("state", {"held": {}, "till": {}})

    def deliver(self, payment):
        held, till = self.state["held"], self.state["till"]
        if till.get(payment.till, 0) >= payment.number:
            return
        new = {
            "held": {**held, payment.account: held.get(payment.account, 0) + payment.amount},
            "till": {**till, payment.till: payment.number},
        }
        self.disk.put("state", new)
        self.state = new

    def balance(self, account):
        return self.state["held"].get(account, 0)
