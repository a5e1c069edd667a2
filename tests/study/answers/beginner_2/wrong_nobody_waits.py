"""Nothing waits for an acknowledgement, orders neither."""

TOLD = "orders: the leader died while the other brokers were a moment behind"

answer = {
    "orders": {"key": lambda event: event.order, "acks": 0, "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
