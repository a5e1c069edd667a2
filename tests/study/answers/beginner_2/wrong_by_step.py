"""All that is paid in one place, all that is sent in another."""

TOLD = "its steps are placed, paid, packed, sent"

answer = {
    "orders": {"key": lambda event: event.step, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
