"""A journal: what is to be is written first, as values and not as changes, and done again after a crash."""


class Sink:
    def __init__(self, disk):
        self.disk = disk
        pending = disk.get("pending")
        if pending:
            self.apply(pending)

    def apply(self, pending):
        self.disk.put("balance " + pending["account"], pending["balance"])
        self.disk.put("seen " + pending["id"], 1)
        self.disk.put("pending", None)

    def deliver(self, payment):
        if self.disk.get("seen " + payment.id):
            return
        pending = {
            "id": payment.id,
            "account": payment.account,
            "balance": self.balance(payment.account) + payment.amount,
        }
        self.disk.put("pending", pending)
        self.apply(pending)

    def balance(self, account):
        return self.disk.get("balance " + account, 0)
