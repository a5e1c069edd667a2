"""Without a key the work is shared well, and an order's steps lie anywhere."""

TOLD = "its steps are placed, paid, packed, sent"

answer = {
    "orders": {"key": lambda event: None, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
