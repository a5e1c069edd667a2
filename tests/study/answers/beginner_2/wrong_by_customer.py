"""A customer's orders stay together, and one customer is most of the shop."""

TOLD = "orders: consumer A had 420 of 480 events"

answer = {
    "orders": {"key": lambda event: event.customer, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
