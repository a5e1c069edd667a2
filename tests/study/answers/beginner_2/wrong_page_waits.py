"""The page waits until the leader has the view."""

TOLD = "of 20 views sent meanwhile, the producer was done with 0"

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 1, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
