"""One highest number for all tills, which number on their own."""

TOLD = "ann paid 800 in all, and the balance says 500. Payments: north/7 (ann, 500), south/2 (ann, 300)"


class Sink:
    def __init__(self, disk):
        self.disk = disk

    def deliver(self, payment):
        if payment.number > self.disk.get("highest", 0):
            balance = self.disk.get(payment.account, 0) + payment.amount
            self.disk.put_all({payment.account: balance, "highest": payment.number})

    def balance(self, account):
        return self.disk.get(account, 0)
