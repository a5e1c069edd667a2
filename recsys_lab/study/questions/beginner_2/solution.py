"""Orders: order and safety. Views: speed, and never twice."""

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
