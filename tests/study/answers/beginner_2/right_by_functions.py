"""Named functions, bytes as keys, each view a key of its own, and Kafka's other word for all."""


def by_order(event):
    return f"{event.customer}/{event.order}".encode()


def by_view(event):
    return event.id


answer = {
    "orders": {"key": by_order, "acks": -1, "commit": "after"},
    "views": {"key": by_view, "acks": "0", "commit": "before"},
    "possible": {("b1", "a1", "a2"), ("a1", "b1", "a2"), ("a1", "a2", "b1")},
}
