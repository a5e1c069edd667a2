answer = {
    "orders": {"key": lambda event: ..., "acks": ..., "commit": ...},
    "views": {"key": lambda event: ..., "acks": ..., "commit": ...},
    "possible": ...,
}
