"""It acknowledges, and writes at every fifth payment only."""

TOLD = "ann paid 500 in all, and the balance says 0"


class Sink:
    def __init__(self, disk):
        self.disk = disk
        self.waiting = []

    def deliver(self, payment):
        self.waiting.append(payment)
        if len(self.waiting) < 5:
            return
        changes = {}
        for each in self.waiting:
            if self.disk.get("seen " + each.id):
                continue
            held = changes.get(each.account, self.disk.get(each.account, 0))
            changes |= {each.account: held + each.amount, "seen " + each.id: True}
        self.disk.put_all(changes)
        self.waiting = []

    def balance(self, account):
        return self.disk.get(account, 0)
