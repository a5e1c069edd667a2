"""A balance and the last number of a till change together or not at all."""

from __future__ import annotations

from typing import Any


class Sink:
    """Adds each payment to its account once, however often it comes, whenever the power fails."""

    def __init__(self, disk: Any) -> None:
        self.disk = disk

    def deliver(self, payment: Any) -> None:
        account, till = f"balance of {payment.account}", f"last of {payment.till}"
        if payment.number <= self.disk.get(till, 0):
            return  # a till's payments come in order, so this one is in the balance
        balance = self.disk.get(account, 0) + payment.amount
        self.disk.put_all({account: balance, till: payment.number})

    def balance(self, account: str) -> int:
        held: int = self.disk.get(f"balance of {account}", 0)
        return held
