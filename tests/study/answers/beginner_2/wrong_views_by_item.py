"""Views have their item as the key, and most views are of one item."""

TOLD = "had 212 of 240 events to handle (88%)"

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: event.item, "acks": 0, "commit": "before"},
    "possible": ["a1 a2 b1", "a1 b1 a2", "b1 a1 a2"],
}
