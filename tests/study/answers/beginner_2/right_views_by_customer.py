"""Views have no order to keep, and their many customers share them out well."""

answer = {
    "orders": {"key": lambda event: event.order, "acks": "all", "commit": "after"},
    "views": {"key": lambda event: event.customer, "acks": 0, "commit": "before"},
    "possible": ("a1, b1, a2", "b1, a1, a2", "a1, a2, b1"),
}
