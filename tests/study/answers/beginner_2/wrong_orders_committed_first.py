"""Orders are committed before they are worked on."""

TOLD = "was never done, and 5 of 20 in all"

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "before"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
