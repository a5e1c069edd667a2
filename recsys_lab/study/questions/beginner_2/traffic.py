"""What the shop sends: the steps of many orders, most of them one customer's, and views, most of them of one item."""

from __future__ import annotations

from typing import NamedTuple

STEPS = ("placed", "paid", "packed", "sent")
ORDERS, VIEWS = 120, 240
RESELLER, HIT = "reseller", "item-1"
CUSTOMERS = 40


class Event(NamedTuple):
    """A step of an order, or a view of an item; a view has no order and no step."""

    id: str
    customer: str
    item: str
    order: str = ""
    step: str = ""


def orders() -> list[Event]:
    """All steps of 120 orders: all are placed, then all are paid, and so on; three in four are the reseller's."""
    return [
        Event(
            id=f"{step}-{number}",
            customer=f"customer-{number % CUSTOMERS}" if number % 4 == 0 else RESELLER,
            item=f"item-{number % 30}",
            order=f"order-{number}",
            step=step,
        )
        for step in STEPS
        for number in range(1, ORDERS + 1)
    ]


def views() -> list[Event]:
    """240 views by many customers; three in four are of the same item."""
    return [
        Event(
            id=f"view-{number}",
            customer=f"customer-{7 * number % CUSTOMERS}",
            item=f"item-{number % 30}" if number % 4 == 0 else HIT,
        )
        for number in range(1, VIEWS + 1)
    ]
