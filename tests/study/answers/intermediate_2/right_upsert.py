"""Each payment under its own id: writing it again changes nothing; a balance is a sum."""


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        self.disk.put(payment.id, [payment.account, payment.amount])

    def balance(self, account):
        return sum(amount for _, (owner, amount) in self.disk.items() if owner == account)
