"""Schema evolution: the second version of an event, read by old and new code."""
