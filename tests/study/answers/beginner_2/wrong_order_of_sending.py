"""Events are thought to be handled as they were sent."""

TOLD = "what you name can happen, and more can (you name 1)"

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1"],
}
