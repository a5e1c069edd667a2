"""The last change stays in a journal, as values, and is made once more at each start: a start takes steps too."""


class Sink:
    def __init__(self, disk):
        self.disk = disk
        self.apply(disk.get("change", {}))

    def apply(self, change):
        for key, value in change.items():
            self.disk.put(key, value)

    def deliver(self, payment):
        if payment.number > self.disk.get("till " + payment.till, 0):
            balance = self.balance(payment.account) + payment.amount
            change = {"account " + payment.account: balance, "till " + payment.till: payment.number}
            self.disk.put("change", change)
            self.apply(change)

    def balance(self, account):
        return self.disk.get("account " + account, 0)
