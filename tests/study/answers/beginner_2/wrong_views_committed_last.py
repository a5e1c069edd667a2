"""Views are committed after they were counted."""

TOLD = "was counted twice, and 5 of 20 in all"

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "after"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
