"""All events have the same key: perfect order, and one consumer does it all."""

TOLD = "had 480 of 480 events to handle (100%)"

answer = {
    "orders": {"key": lambda event: "shop", "acks": "all", "commit": "after"},
    "views": {"key": lambda event: None, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
