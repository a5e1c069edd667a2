"""A balance is the sum of all keys that begin with the account, and so does another account."""

TOLD = "and the balance says"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        self.disk.put(payment.account + payment.id, payment.amount)

    def balance(self, account):
        return sum(amount for key, amount in self.disk.items() if key.startswith(account))
